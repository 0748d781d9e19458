"""A unit that is a run of its own: agents trained, or taken from elsewhere, and rounds held.

A unit has one process, so its stages are done here, one after the other, without workers. What the
rounds of experiments have in common is here as well: so many proposals, a lesson after each, and a
look at the agents in between.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agents.checkpoint import STATE
from agents.config import TrainConfig
from culture_sim.culture.config import CultureConfig
from culture_sim.experiment import run_stage
from culture_sim.population.schedule import recover_all
from culture_sim.run.config import RunConfig
from culture_sim.run.progress import round_done, training_done
from culture_sim.run.run import Run
from culture_sim.study.arms import options_of
from world.core.files import read_json, write_json

PRESET = "experiment"
"""What the runs of units say in place of a preset."""


@dataclass(frozen=True)
class Treatment:
    """What every population of an experiment goes through: options by the same names.

    rounds: of culture. proposals: in a round; with no culture to train on, one batch of each agent
    may take their place. lesson: quizzes that every agent trains on in a round, in every arm.
    share: of them that are culture where there is some, 0 to 1.
    """

    rounds: int
    proposals: int
    lesson: int
    share: float


def open_run(path: Path, config: RunConfig, agents: Sequence[Path] = ()) -> Run:
    """The run at ``path``, begun or continued.

    agents: checkpoints that it begins with, in the order of its agents; none: it trains its own.
    """
    if agents and not (path / "agents").exists():
        aside = path / ".agents"
        shutil.rmtree(aside, ignore_errors=True)
        for number, agent in enumerate(agents):
            copy_agent(agent, aside / str(number), {"agent": number})
        os.rename(aside, path / "agents")
    path.mkdir(parents=True, exist_ok=True)
    run = Run.start(path, config, PRESET)
    recover_all(run)
    return run


def copy_agent(agent: Path, target: Path, state: dict[str, Any]) -> None:
    """A checkpoint elsewhere, with other entries in its state, such as the agent's number.

    It is there whole or not at all. Raises UserError where the agent's state is damaged.
    """
    aside = target.with_name(f".{target.name}")
    shutil.rmtree(aside, ignore_errors=True)
    shutil.copytree(agent, aside)
    saved = read_json(aside / STATE, f"remove {agent} to train that agent again")
    write_json(aside / STATE, {**saved, **state})
    os.rename(aside, target)


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


def of_proposals(culture: CultureConfig, arm: str, proposals: int, share: float) -> CultureConfig:
    """Options of an arm of which a round is so many proposals, however many are kept.

    share: of a lesson, what is culture where there is some, 0 to 1.
    """
    fixed = replace(culture, quota=proposals, max_proposals=proposals)
    return options_of(arm, fixed, share)


def one_lesson(train: TrainConfig, quizzes: int) -> TrainConfig:
    """Options of training of which a round is exactly so many quizzes."""
    return replace(train, target=0.0, epoch_quizzes=quizzes, max_quizzes=quizzes)


def told(
    path: Path, again: str, rounds: Iterable[int], tell: Callable[[int], dict[str, Any]]
) -> list[dict[str, Any]]:
    """What is told of every round as it is over, 0 first, before the next one trains agents on.

    path: JSON file that it is kept in. again: what to do where that is damaged. rounds: as
    ``hold_rounds``.
    """
    found: list[dict[str, Any]] = read_json(path, again)["rounds"] if path.exists() else []
    for number in rounds:
        if number >= len(found):
            found.append(tell(number))
            write_json(path, {"rounds": found})
    return found
