"""A unit that is a run of its own: agents trained, or taken from another run, and rounds held.

A unit has one process, so its stages are done here, one after the other, without workers.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from culture_sim.experiment import run_stage
from culture_sim.population.schedule import recover_all
from culture_sim.run.config import RunConfig
from culture_sim.run.progress import round_done, training_done
from culture_sim.run.run import Run

PRESET = "experiment"
"""What the runs of units say in place of a preset."""


def open_run(path: Path, config: RunConfig, agents: Sequence[Path] = ()) -> Run:
    """The run at ``path``, begun or continued.

    agents: checkpoints that it begins with, in the order of its agents; none: it trains its own.
    """
    if agents and not (path / "agents").exists():
        aside = path / ".agents"
        shutil.rmtree(aside, ignore_errors=True)
        for number, agent in enumerate(agents):
            shutil.copytree(agent, aside / str(number))
        os.rename(aside, path / "agents")
    path.mkdir(parents=True, exist_ok=True)
    run = Run.start(path, config, PRESET)
    recover_all(run)
    return run


def train(run: Run) -> None:
    """Bring every agent to the target, or to the end of its budget."""
    if not training_done(run, 0):
        run_stage(run, "train")


def hold_rounds(run: Run) -> None:
    """Hold all rounds of culture that are missing, each with the training after it."""
    for number in range(1, run.config.rounds + 1):
        if not round_done(run, number):
            run_stage(run, f"round-{number}")
