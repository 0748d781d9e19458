"""Proposers: methods by which one agent writes new quizzes.

One method is one file in this package: a frozen dataclass whose fields are its options and whose
call proposes. What it proposes must be decided by its options and arguments alone, so that a batch
of proposals can be made again anywhere.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from agents.model import AgentModel
from world import QuizBatch, QuizWorld, Registry, concatenate

PARENTS = 2
"""Quizzes that a proposal can be made from, at most."""


@dataclass(frozen=True)
class ParentPool:
    """What a batch of proposals may be made from: known before its shard, in layout 0.

    kept: quizzes of earlier rounds that agents train on; where there are none, quizzes of the
    world's training split. rejected: quizzes of the shard before, this batch's part of them, that
    the rule did not keep. ages: int16 [rejected], how often each was rejected before in an
    earlier form.
    """

    kept: QuizBatch
    rejected: QuizBatch
    ages: NDArray[np.int16]


@dataclass(frozen=True)
class ProposalRequest:
    """What is asked of a proposer: ``count`` quizzes, drawn from ``seed``, of these parents."""

    seed: int
    count: int
    parents: ParentPool


@dataclass(frozen=True)
class Proposals:
    """B proposed quizzes and how each came to be.

    quizzes: in layout 0, of unknown task. hot_temperature: float64 [B], at which the first
    part was sampled; nan where no part was sampled hot. temperature: float64 [B], at which the
    parts after it were; nan where none was sampled. parents: uint64 [B, 2], canonical hashes of the
    quizzes that it was made from, 0 for none. age: int16 [B], how often an earlier form of it was
    rejected.
    """

    quizzes: QuizBatch
    hot_temperature: NDArray[np.float64]
    temperature: NDArray[np.float64]
    parents: NDArray[np.uint64]
    age: NDArray[np.int16]

    @classmethod
    def of(
        cls,
        quizzes: QuizBatch,
        hot_temperature: float | NDArray[np.float64] = np.nan,
        temperature: float = np.nan,
        parents: NDArray[np.uint64] | None = None,
        age: NDArray[np.int16] | None = None,
    ) -> Proposals:
        """Proposals with what is not given left empty; parents: uint64 [B, any up to 2]."""
        size = len(quizzes)
        made_from = np.zeros((size, PARENTS), dtype=np.uint64)
        if parents is not None:
            made_from[:, : parents.shape[1]] = parents
        hot, rest = (
            np.broadcast_to(np.asarray(value, dtype=np.float64), size).copy()
            for value in (hot_temperature, temperature)
        )
        return cls(quizzes, hot, rest, made_from, np.zeros(size, np.int16) if age is None else age)

    def __len__(self) -> int:
        return len(self.quizzes)

    def __getitem__(self, index: slice | NDArray[np.bool_] | NDArray[np.int64]) -> Proposals:
        """The chosen proposals."""
        return Proposals(*(getattr(self, field.name)[index] for field in fields(self)))


def concatenate_proposals(parts: Sequence[Proposals]) -> Proposals:
    """All proposals, in order."""
    return Proposals(
        concatenate([part.quizzes for part in parts]),
        *(
            np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(Proposals)[1:]
        ),
    )


class Proposer(ABC):
    """A method of proposing."""

    @abstractmethod
    def __call__(self, model: AgentModel, world: QuizWorld, request: ProposalRequest) -> Proposals:
        """``request.count`` well-formed quizzes."""


proposers: Registry[type[Proposer]] = Registry(
    "proposer", "culture_sim.culture.proposers", Proposer
)

__all__ = [
    "PARENTS",
    "ParentPool",
    "ProposalRequest",
    "Proposals",
    "Proposer",
    "concatenate_proposals",
    "proposers",
]
