"""The quizzes that agents are asked, of the world and of their own, and who fails them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from agents.model import AgentModel
from culture_sim.culture import records
from culture_sim.culture.records import CULTURE_SPLITS
from culture_sim.culture.store import CultureStore
from culture_sim.culture.votes import vote
from world import QuizBatch, QuizWorld, concatenate

NOBODY = -1
"""In place of the dissenter, where there is none."""
FAILED = 2
"""Agents that may have failed a quiz of the store that is asked again."""


@dataclass(frozen=True)
class StoredQuizzes:
    """B quizzes that agents made, in layout 0.

    keep: bool [B]. taught: bool [B], kept for agents to train on. reason: str [B], why each was
    kept or rejected. correct: bool [B, N, D], False where an agent failed it when it voted.
    """

    batch: QuizBatch
    keep: NDArray[np.bool_]
    taught: NDArray[np.bool_]
    reason: NDArray[np.str_]
    correct: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.batch)

    def __getitem__(self, index: NDArray[np.bool_] | NDArray[np.int64]) -> StoredQuizzes:
        """Those of the chosen quizzes."""
        return StoredQuizzes(*(getattr(self, field.name)[index] for field in fields(self)))

    @property
    def untaught(self) -> StoredQuizzes:
        """Those that no agent was trained on, kept or not; but for those that more than ``FAILED``
        agents failed when they voted, who seldom solve them since."""
        return self[~self.taught & ((~self.correct.all(axis=2)).sum(axis=1) <= FAILED)]

    @property
    def kept(self) -> StoredQuizzes:
        """All that were kept, for agents to train on or to be tested on."""
        return self[self.keep]


def read_stored(store: CultureStore) -> StoredQuizzes:
    """All quizzes of a store, which has at least one round."""
    tables = [store.table(number) for number in store.rounds()]
    votes = [records.votes_of(table) for table in tables]
    keep = np.concatenate([records.array_of(table, "keep") for table in tables])
    split = np.concatenate([records.array_of(table, "split") for table in tables])
    return StoredQuizzes(
        concatenate([records.quizzes_of(table) for table in tables]),
        keep,
        keep & (split == CULTURE_SPLITS[0]),
        np.concatenate([records.array_of(table, "reason") for table in tables]).astype(np.str_),
        np.concatenate([table.correct | ~table.voted[:, :, None] for table in votes]),
    )


@dataclass(frozen=True)
class EvaluatedQuizzes:
    """What became of B quizzes that agents were asked, and the Q of them that are looked at.

    batch: Q quizzes, each once and in one direction. index: int64 [Q], their places among the B.
    dissenter: int64 [Q], the one agent that fails it; ``NOBODY`` where it is not looked for.
    failing: int64 [B], how many agents fail each in either direction.
    """

    batch: QuizBatch
    index: NDArray[np.int64]
    dissenter: NDArray[np.int64]
    failing: NDArray[np.int64]

    def counts(self, chosen: NDArray[np.bool_]) -> dict[str, int]:
        """How many of the quizzes asked are chosen [B], and how many agents fail them."""
        failing = self.failing[chosen]
        return {
            "quizzes": len(failing),
            "failed_by_none": int((failing == 0).sum()),
            "failed_by_one": int((failing == 1).sum()),
            "failed_by_more": int((failing > 1).sum()),
        }


def evaluate(
    models: Sequence[AgentModel], world: QuizWorld, batch: QuizBatch, solved: int
) -> EvaluatedQuizzes:
    """Ask agents quizzes in layout 0, and look at those that at most one agent fails; of those
    that all solve, at most ``solved``."""
    correct = _answers(models, world, batch)
    index, direction, dissenter = choose(correct, solved)
    return EvaluatedQuizzes(
        _asked_in(world, batch[index], direction), index, dissenter, _failing(correct)
    )


def evaluate_kept(
    models: Sequence[AgentModel], world: QuizWorld, kept: StoredQuizzes
) -> EvaluatedQuizzes:
    """Ask agents quizzes that were kept, and look at all, in a direction that one agent failed when
    it voted: whether it has learned them since makes no difference to which are looked at."""
    direction, everything = direction_of(kept.correct), np.arange(len(kept))
    failing = _failing(_answers(models, world, kept.batch))
    nobody = np.full(len(kept), NOBODY)
    return EvaluatedQuizzes(_asked_in(world, kept.batch, direction), everything, nobody, failing)


def _answers(models: Sequence[AgentModel], world: QuizWorld, batch: QuizBatch) -> NDArray[np.bool_]:
    """bool [B, N, D]: who has which right."""
    return vote(models, world, batch, np.zeros(len(batch), dtype=np.int16)).correct


def _failing(correct: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.asarray((~correct.all(axis=2)).sum(axis=1))


def _asked_in(world: QuizWorld, batch: QuizBatch, direction: NDArray[np.int64]) -> QuizBatch:
    return world.arrange(batch, np.array(world.directions, dtype=np.uint8)[direction])


def direction_of(correct: NDArray[np.bool_]) -> NDArray[np.int64]:
    """int64 [B]: the first direction in which exactly one agent fails a quiz of correct [B, N, D];
    where there is none, every direction in turn."""
    alone = (~correct).sum(axis=1) == 1
    turn = np.arange(len(correct)) % correct.shape[2]
    return np.where(alone.any(axis=1), alone.argmax(axis=1), turn)


def choose(
    correct: NDArray[np.bool_], solved: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The quizzes that exactly one agent fails, in whatever direction, as the rule of culture
    rounds has it, and at most ``solved`` that none fails in any.

    correct: bool [B, N, D], who has which right. Returns int64 [Q] each: the quizzes, each once,
    their directions (see ``direction_of``) and dissenters, ``NOBODY`` for the others.
    """
    failing = _failing(correct)
    easy = np.flatnonzero(failing == 0)[:solved]
    index = np.concatenate([np.flatnonzero(failing == 1), easy])
    direction = direction_of(correct)[index]
    dissenter = (~correct[index, :, direction]).argmax(axis=1)
    return index, direction, np.where(failing[index] == 1, dissenter, NOBODY)
