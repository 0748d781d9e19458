"""Sequences with one thing changed, for patching, where things need not stand in the same place.

A ``Counterfactual`` (``world.core.pairs``) is aligned, and another answer is right. Here places are
columns with names, one for each sequence, and the answer may stay: what does not matter can be
changed as well, and says how large an effect is that means nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from world.core.batch import QuizBatch

Values = NDArray[np.int64]


@dataclass(frozen=True)
class Side:
    """B sequences, answered right.

    columns: int64 [B] by name, places in the sequences as written. features: int64 [B] by name,
    what is true of each.
    """

    batch: QuizBatch
    columns: Mapping[str, Values]
    features: Mapping[str, Values]


@dataclass(frozen=True)
class Flip:
    """Sequences and their counterparts, B of either, row by row.

    rows: int64 [B], which of the sequences given they are made of: those that can be changed.
    """

    rows: Values
    base: Side
    changed: Side


@dataclass(frozen=True)
class FlipRoles:
    """What the names of a world's flips, columns and features stand for.

    right, wrong: features of a side, the token values of its answer and of the one that it is told
    from. end: the column of the last token before the answer. telling: the flip that makes the
    wrong answer right. idle: flips of what should not matter.
    """

    right: str
    wrong: str
    end: str
    telling: str
    idle: tuple[str, ...]


@runtime_checkable
class FlippedWorld(Protocol):
    """A world that can change one thing at a time about its sequences, and says where it stands."""

    @property
    def flips(self) -> Mapping[str, str]:
        """What can be changed, by name, and what that is in words."""
        ...

    @property
    def flip_roles(self) -> FlipRoles:
        """What the names stand for."""
        ...

    def flip(self, batch: QuizBatch, kind: str, rng: np.random.Generator) -> Flip:
        """Those of the sequences that can be changed, and the same with one thing changed.

        Which these are, and how they are written before the change, is the same for all kinds.
        Raises ValueError on an unknown kind.
        """
        ...
