"""Pairs of sequences for patching: alike but for one thing, on which the answer hangs.

An activation of the one, put into a run on the other, moves the answer as far as it carries what
the two differ in. The measure is the contrast of the two right answers' logits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from world.core.batch import QuizBatch


@dataclass(frozen=True)
class Counterfactual:
    """Sequences and their counterparts, position by position.

    clean, changed: B sequences each, in the same layouts. position: int64 [B], the first graded
    position at which their answers differ. contrast: int64 [B, 2], the right token there in the
    clean and in the changed sequence.
    """

    clean: QuizBatch
    changed: QuizBatch
    position: NDArray[np.int64]
    contrast: NDArray[np.int64]


@runtime_checkable
class PairedWorld(Protocol):
    """A world that can change one thing about its sequences."""

    @property
    def counterfactuals(self) -> tuple[str, ...]:
        """What can be changed, by name."""
        ...

    def counterfactual(
        self, batch: QuizBatch, kind: str, rng: np.random.Generator
    ) -> Counterfactual:
        """The sequences with one thing changed, where that gives another answer.

        Sequences that cannot be changed so are left out. Raises ValueError on an unknown kind.
        """
        ...
