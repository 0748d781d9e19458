"""The work of each stage, as one worker does it beside the others."""

from __future__ import annotations

from agents.precision import make_accelerator
from culture_sim.population import Population
from culture_sim.run import Run


def run_stage(run: Run, stage: str) -> None:
    """Do this process's part of a stage: "train", "round-3", "sae" or "report"."""
    if stage == "train":
        Population(run, make_accelerator(run.config.train), 0, None, None).train()
    else:
        raise ValueError(f"unknown stage {stage!r}")
