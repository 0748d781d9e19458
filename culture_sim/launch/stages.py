"""The work of each stage, as one worker does it beside the others.

Every worker of a run calls the same function; what to do is shared out by locks on files
(training agents and SAEs) or by rank (voting), never by a leader that the others wait for.
A stage's libraries take seconds to load, so each is imported when it is wanted.
"""

from __future__ import annotations

from agents.precision import make_accelerator
from culture_sim.run.run import Run


def run_stage(run: Run, stage: str) -> None:
    """Do this process's part of a stage: "train", "round-3", "sae" or "report"."""
    accelerator = make_accelerator(run.config.train)
    if stage == "train":
        from culture_sim.population.population import Population

        Population(run, accelerator, 0).train()
    elif stage.startswith("round-"):
        from culture_sim.launch.culture_stage import culture_stage

        culture_stage(run, int(stage.removeprefix("round-")), accelerator)
    elif stage == "sae":
        from culture_sim.features.stage import sae_stage

        sae_stage(run, accelerator)
    elif stage == "report":
        if accelerator.is_main_process:
            from culture_sim.report import write_report

            write_report(run)
    else:
        raise ValueError(f"unknown stage {stage!r}")
    accelerator.wait_for_everyone()
