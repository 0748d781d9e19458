"""How well agents answer: by birds, speed, bounces and distance, and on what they never met.

An agent is not told a speed. On quizzes of another one it can only be asked whether it still
answers by the law that it learned, so those are scored by both laws.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agents.model import AgentModel
from agents.scoring import score
from agents.training import unseen_quizzes
from culture_sim.experiments.findings import share
from world import QuizBatch, Stream
from world.birds import BirdsWorld
from world.birds.flocks import OVERLAPPING
from world.birds.reading import Reading

SPEEDS = (1, 2, 3)
"""Of the quizzes that agents are asked, beside the speed of their world."""
IN_WORLD = "the agents' world"
OVERLAPS = "overlaps"
OF_QUIZZES, OF_AGENTS = "the quizzes", "the agents"
"""Whose law an answer is held against."""
DIRECTIONS = ("forward", "backward")
BOTH = "both"
ALL = "all"
BY = (ALL, "birds", "bounces", "walls", "distance", "hidden")
"""What accuracy is told by: see ``quiz_table``; all is everything."""
FAR = 4
"""Distances from here on are told as one."""


@dataclass(frozen=True)
class Exam:
    """Quizzes that agents are asked.

    name: what is special about them. world: that they are drawn from. laws: against which answers
    are held, one or both.
    """

    name: str
    world: BirdsWorld
    laws: tuple[str, ...] = (OF_QUIZZES,)


def exams_of(world: BirdsWorld) -> list[Exam]:
    """The agents' world; fewer birds and one more; other speeds; overlaps that have one answer.

    Raises UserError for a world of one bird, or one that is too crowded for one more.
    """
    numbers = [n for n in range(1, world.birds + 2) if n != world.birds]
    speeds = [speed for speed in SPEEDS if speed != world.speed]
    return [
        Exam(IN_WORLD, world),
        *(Exam(f"{n} bird{'s' * (n > 1)}", replace(world, birds=n)) for n in numbers),
        *(
            Exam(f"speed {speed}", replace(world, speed=speed), (OF_QUIZZES, OF_AGENTS))
            for speed in speeds
        ),
        Exam(OVERLAPS, replace(world, tasks=(OVERLAPPING,), held_out_tasks=())),
    ]


def accuracy_table(
    models: Sequence[AgentModel], world: BirdsWorld, quizzes: int, seed: int
) -> pd.DataFrame:
    """Rows of results: accuracy by agent, exam, law, direction and group of quizzes.

    Intervals are Wilson's over the quizzes that support a row. world: of the agents. quizzes: of
    each exam, half in each direction; all agents are asked the same.
    """
    parts = []
    for exam in exams_of(world):
        asked = unseen_quizzes(exam.world, Stream(seed, f"birds-exam {exam.name}"), quizzes)
        for law in exam.laws:
            # By another law birds meet other walls, and may cover each other in the answer.
            batch, by = (world.flown(asked), world) if law == OF_AGENTS else (asked, exam.world)
            about = quiz_table(by, batch)
            for agent, model in enumerate(models):
                answered = about.assign(correct=score(model, world, batch).correct)
                told = pd.DataFrame(_groups(answered))
                parts.append(told.assign(agent=agent, exam=exam.name, law=law))
    return pd.concat(parts, ignore_index=True)


def quiz_table(world: BirdsWorld, batch: QuizBatch) -> pd.DataFrame:
    """A row a quiz. direction. birds: in both frames. bounces: birds that meet a wall. walls: met
    by the one that meets most, at most two. distance: see ``distances``. hidden: cells of birds
    that others cover, in both frames."""
    counts = world.describe(batch)
    return pd.DataFrame(
        {
            ALL: 0,
            "direction": np.array(DIRECTIONS)[batch.layout],
            "birds": counts["birds"],
            "bounces": counts["bounces"],
            "walls": world.group_of(batch)["walls met by one"].astype(np.int64),
            "distance": np.minimum(distances(world, batch), FAR),
            "hidden": counts["overlaps"],
        }
    )


def distances(world: BirdsWorld, batch: QuizBatch) -> NDArray[np.int64]:
    """int64 [B]: moves of a king between the nearest cells of two birds, in either frame.

    0 where one covers another; -1 where fewer than two birds are told.
    """
    near = [_nearest(world, reading) for reading in world.readings(batch)]
    least = np.min(near, axis=0)
    return np.where(least <= world.height + world.width, least, -1)


def _nearest(world: BirdsWorld, reading: Reading) -> NDArray[np.int64]:
    """int64 [B]: the same in one frame; more than any distance where there are no two."""
    cells = np.stack(np.divmod(world.sky.cells, world.width), axis=-1)  # [S, 3, 2]
    state = reading.state
    least = np.full(len(state), 1 + world.height + world.width)
    for one, other in combinations(range(state.shape[1]), 2):
        rows = np.flatnonzero((state[:, one] >= 0) & (state[:, other] >= 0))
        between = cells[state[rows, one], :, None] - cells[state[rows, other], None]
        apart = np.abs(between).max(axis=-1).min(axis=(1, 2))
        least[rows] = np.minimum(least[rows], apart)
    return least


def _groups(answered: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Accuracy in every group, in both directions and each."""
    for direction, some in ((BOTH, answered), *answered.groupby("direction")):
        for by in BY:
            for group, quizzes in some.groupby(by):
                hits, of_all = int(quizzes["correct"].sum()), by == ALL
                yield share(
                    "accuracy",
                    hits,
                    len(quizzes),
                    by="" if of_all else by,
                    group="" if of_all else int(group),
                    direction=direction,
                )
