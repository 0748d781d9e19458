"""Nulls: how well features of two agents match by chance and by what is trivially shared.

A null takes rows and a generator, and returns a function of features: those of one agent go in,
features come out that share with another agent no more than chance gives. Matches among these are
chosen and graded as without the null. One null is one file in this package: a frozen dataclass
whose fields are its options and whose call draws. Most permute rows, and say in which order.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from world import Registry

# Numba takes time to load, and options, which hold nulls, do without it.
if TYPE_CHECKING:
    from sae.activations.harvest import Splits, TokenRows
    from sae.matching.features import Features

Draw: TypeAlias = "Callable[[Features], Features]"
"""One draw of a null, the same for every agent."""


class Null(ABC):
    """What features are made to share no more than."""

    @abstractmethod
    def __call__(self, rows: Splits, rng: np.random.Generator) -> Draw:
        """A draw on the tokens of either split."""


nulls: Registry[type[Null]] = Registry("null", "sae.comparison.nulls", Null)


@dataclass(frozen=True)
class PermutedRows:
    """A draw that permutes rows. selection, evaluation: int64 [N], their order in either split."""

    selection: NDArray[np.int64]
    evaluation: NDArray[np.int64]

    def __call__(self, features: Features) -> Features:
        return features.permuted(self.selection, self.evaluation)

    @property
    def unmoved(self) -> float:
        """Share of rows left in place."""
        orders = self.selection, self.evaluation
        return float(np.concatenate([order == np.arange(len(order)) for order in orders]).mean())


class PermutingNull(Null):
    """A null that permutes the rows of either split by ``order``."""

    @abstractmethod
    def order(self, rows: TokenRows, rng: np.random.Generator) -> NDArray[np.int64]:
        """int64 [N]: a permutation of N rows."""

    def __call__(self, rows: Splits, rng: np.random.Generator) -> PermutedRows:
        return PermutedRows(self.order(rows.selection, rng), self.order(rows.evaluation, rng))


__all__ = ["Draw", "Null", "PermutedRows", "PermutingNull", "nulls"]
