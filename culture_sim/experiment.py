"""The experiment on one page: what every process of a run does, in its order.

Agents learn a world until each answers unseen quizzes. Then, round by round, they propose quizzes,
all vote on them, a rule decides which are culture, and they learn from it. At the end sparse
autoencoders are trained on every agent, their features compared, and a report is written.

Every worker calls ``run_stage`` with the same stages, one after the other; what each does is shared
out by locks on files (training, autoencoders) or by rank (proposing and voting), never by a leader
that the others wait for. ``culture_sim.launch`` starts the workers and goes from stage to stage. A
stage's libraries take seconds to load, so each is imported when it is wanted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from accelerate import Accelerator

from agents.precision import make_accelerator
from culture_sim.run.formats import agreed
from culture_sim.run.run import Run

if TYPE_CHECKING:
    from culture_sim.culture.round import CultureRound


def train(run: Run, accelerator: Accelerator) -> None:
    """Bring every agent to the target accuracy on unseen quizzes, the weakest first.

    What learning by heart would have got is scored beside it.
    """
    from culture_sim.population.nulls import score_lookup
    from culture_sim.population.population import Population

    Population(run, accelerator, round_=0).train()
    if accelerator.is_main_process:
        score_lookup(run)


def culture(run: Run, number: int, accelerator: Accelerator) -> None:
    """Round ``number``: hold it, then bring every agent back to the target on world and culture."""
    from culture_sim.population.learning import open_round_of, population_after

    hold_round(open_round_of(run, number, accelerator))
    population_after(run, number, accelerator).train()


def hold_round(round_: CultureRound) -> dict[str, Any]:
    """Propose, vote, decide and store until enough is kept or proposed; returns the figures."""
    while not round_.is_complete:
        shard = round_.saved_shard()
        if shard is None:
            candidates = round_.propose()
            ballots = round_.vote(candidates)
            shard = round_.decide(ballots)
        round_.add(shard)
    return round_.store()


def features(run: Run, accelerator: Accelerator) -> None:
    """Train autoencoders on every agent, then compare their features at every site."""
    from culture_sim.features.stage import compare_all, open_features, train_dictionaries

    opened = open_features(run, accelerator)
    train_dictionaries(opened)
    if accelerator.is_main_process:
        compare_all(opened)


def report(run: Run, accelerator: Accelerator) -> None:
    """Write what was measured as one HTML file."""
    from culture_sim.report import write_report

    if accelerator.is_main_process:
        write_report(run)


def run_stage(run: Run, stage: str) -> None:
    """Do this process's part of a stage: "train", "round-3", "sae" or "report"."""
    run = agreed(run, stage)
    accelerator = make_accelerator(run.config.train, run.formats)
    name, _, number = stage.partition("-")
    if name == "round":
        culture(run, int(number), accelerator)
    else:
        {"train": train, "sae": features, "report": report}[name](run, accelerator)
    accelerator.wait_for_everyone()
