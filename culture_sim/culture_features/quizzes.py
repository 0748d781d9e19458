"""Quizzes that no agent was trained on, and who fails them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.model import AgentModel
from culture_sim import records
from culture_sim.records import CULTURE_SPLITS
from culture_sim.store import CultureStore
from culture_sim.votes import DIRECTIONS, vote
from world import QuizBatch, World, concatenate

NOBODY = -1
"""In place of the dissenter, where there is none."""
FAILED = 2
"""Agents that may have failed a quiz of the store that is asked again."""


@dataclass(frozen=True)
class Asked:
    """Q quizzes of one origin, each once, in a direction in which at most one agent fails it.

    counts: how many were asked, and were failed by how many agents in either direction.
    """

    batch: QuizBatch
    dissenter: NDArray[np.int64]
    counts: dict[str, int]


def ask(models: Sequence[AgentModel], world: World, batch: QuizBatch, solved: int) -> Asked:
    """Ask agents quizzes in structure 0; of those that all solve, at most ``solved`` are kept."""
    votes = vote(models, world, batch, np.zeros(len(batch), dtype=np.int16))
    chosen, dissenter = choose(world, batch, votes.correct, solved)
    failing = (~votes.solves).sum(axis=1)
    counts = {
        "quizzes": len(batch),
        "failed_by_none": int((failing == 0).sum()),
        "failed_by_one": int((failing == 1).sum()),
        "failed_by_more": int((failing > 1).sum()),
    }
    return Asked(chosen, dissenter, counts)


def untaught(store: CultureStore) -> QuizBatch:
    """The quizzes of a store that no agent was trained on, kept or not, in structure 0; but for
    those that more than ``FAILED`` agents failed when they voted, who seldom solve them since."""
    parts = []
    for number in store.rounds():
        table = store.table(number)
        taught = records.array_of(table, "keep") & (
            records.array_of(table, "split") == CULTURE_SPLITS[0]
        )
        votes = records.votes_of(table)
        failed = (votes.voted & ~votes.solves).sum(axis=1)
        parts.append(records.quizzes_of(table)[~taught & (failed <= FAILED)])
    return concatenate(parts)


def choose(
    world: World, batch: QuizBatch, correct: NDArray[np.bool_], solved: int
) -> tuple[QuizBatch, NDArray[np.int64]]:
    """The quizzes that exactly one agent fails, and at most ``solved`` that none does.

    batch: B quizzes. correct: bool [B, N, D], who has which right. Each quiz is given once: in the
    first direction in which one agent fails it, or where none does, in every direction in turn.
    Returns the quizzes and their dissenters, int64, ``NOBODY`` for the others.
    """
    wrong = (~correct).sum(axis=1)
    alone = (wrong == 1).any(axis=1)
    direction = np.where(
        alone, (wrong == 1).argmax(axis=1), np.arange(len(batch)) % len(DIRECTIONS)
    )
    easy = np.flatnonzero((wrong == 0).all(axis=1))[:solved]
    rows = np.concatenate([np.flatnonzero(alone), easy])
    dissenter = (~correct[rows, :, direction[rows]]).argmax(axis=1)
    chosen = world.arrange(batch[rows], np.array(DIRECTIONS, dtype=np.uint8)[direction[rows]])
    return chosen, np.where(alone[rows], dissenter, NOBODY)
