"""Proposers: procedures by which one agent writes new quizzes.

One procedure is one file in this package. What it proposes must be decided by its arguments
alone, so that a block of proposals can be made again anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from agents.model import AgentModel
from world import QuizBatch, QuizWorld, Registry, concatenate

if TYPE_CHECKING:
    from culture_sim.culture.config import CultureConfig

PARENTS = 2
"""Quizzes that a proposal can be made from, at most."""


@dataclass(frozen=True)
class Material:
    """What a block of proposals may be made from: known before its wave, in layout 0.

    kept: quizzes of earlier rounds that agents train on; where there are none, quizzes of the
    world's training split. rejected: quizzes of the wave before, this block's part of them, that
    the rule did not keep. ages: int16 [rejected], how often each was rejected before in an
    earlier form.
    """

    kept: QuizBatch
    rejected: QuizBatch
    ages: NDArray[np.int16]


@dataclass(frozen=True)
class Commission:
    """What is asked of a proposer: ``count`` quizzes, drawn from ``seed``, of this material."""

    seed: int
    count: int
    material: Material


@dataclass(frozen=True)
class Proposals:
    """B proposed quizzes and how each came to be.

    quizzes: in layout 0, of unknown task. hot_temperature: float64 [B], at which the first
    part was sampled; nan where no part was sampled hot. parents: uint64 [B, 2], canonical hashes
    of the quizzes that it was made from, 0 for none. age: int16 [B], how often an earlier form of
    it was rejected.
    """

    quizzes: QuizBatch
    hot_temperature: NDArray[np.float64]
    parents: NDArray[np.uint64]
    age: NDArray[np.int16]

    @classmethod
    def of(
        cls,
        quizzes: QuizBatch,
        hot_temperature: float | NDArray[np.float64] = np.nan,
        parents: NDArray[np.uint64] | None = None,
        age: NDArray[np.int16] | None = None,
    ) -> Proposals:
        """Proposals with what is not given left empty; parents: uint64 [B, any up to 2]."""
        size = len(quizzes)
        made_from = np.zeros((size, PARENTS), dtype=np.uint64)
        if parents is not None:
            made_from[:, : parents.shape[1]] = parents
        heat = np.broadcast_to(np.asarray(hot_temperature, dtype=np.float64), size).copy()
        return cls(quizzes, heat, made_from, np.zeros(size, np.int16) if age is None else age)

    def __len__(self) -> int:
        return len(self.quizzes)

    def __getitem__(self, index: slice | NDArray[np.bool_] | NDArray[np.int64]) -> Proposals:
        """The chosen proposals."""
        return Proposals(
            self.quizzes[index], self.hot_temperature[index], self.parents[index], self.age[index]
        )


def concatenate_proposals(parts: Sequence[Proposals]) -> Proposals:
    """All proposals, in order."""
    return Proposals(
        concatenate([part.quizzes for part in parts]),
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("hot_temperature", "parents", "age")
        ),
    )


class Proposer(Protocol):
    """A procedure of proposing."""

    def __call__(
        self, model: AgentModel, world: QuizWorld, commission: Commission, config: CultureConfig
    ) -> Proposals:
        """``commission.count`` well-formed quizzes."""
        ...


proposers: Registry[Proposer] = Registry("proposer", "culture_sim.culture.proposers")

__all__ = [
    "PARENTS",
    "Commission",
    "Material",
    "Proposals",
    "Proposer",
    "concatenate_proposals",
    "proposers",
]
