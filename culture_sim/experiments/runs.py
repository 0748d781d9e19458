"""A unit that is a run of its own: agents trained, or taken from elsewhere, and rounds held.

A unit has one process, so its stages are done here, one after the other, without workers.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from agents.checkpoint import STATE
from culture_sim.experiment import run_stage
from culture_sim.population.schedule import recover_all
from culture_sim.run.config import RunConfig
from culture_sim.run.progress import round_done, training_done
from culture_sim.run.run import Run
from world.core.files import read_json, write_json

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
            _copy(agent, aside / str(number), number)
        os.rename(aside, path / "agents")
    path.mkdir(parents=True, exist_ok=True)
    run = Run.start(path, config, PRESET)
    recover_all(run)
    return run


def _copy(agent: Path, target: Path, number: int) -> None:
    """A checkpoint under the number that its agent has in the run."""
    shutil.copytree(agent, target)
    state = read_json(target / STATE, f"remove {agent} to train that agent again")
    write_json(target / STATE, {**state, "agent": number})


def train(run: Run) -> None:
    """Bring every agent to the target, or to the end of its budget."""
    if not training_done(run, 0):
        run_stage(run, "train")


def hold_rounds(run: Run) -> Iterator[int]:
    """Hold the rounds of culture that are missing, each with the training after it.

    Gives the number of every round when it is over, 0 before the first one begins; of a run that is
    continued, from the last round that was over.
    """
    over = 0
    while over < run.config.rounds and round_done(run, over + 1):
        over += 1
    yield over
    for number in range(over + 1, run.config.rounds + 1):
        run_stage(run, f"round-{number}")
        yield number
