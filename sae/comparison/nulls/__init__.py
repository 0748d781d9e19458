"""Nulls: how well features of two agents match by chance and by what is trivially shared.

A null takes rows and a generator, and returns a function of features: those of one agent go in,
features come out that share with another agent no more than chance gives. Matches among these are
chosen and graded as without the null. One null is one file in this package: a frozen dataclass
whose fields are its options and whose call draws. Most permute rows, and say in which order.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from world import Registry

# Numba takes time to load, and options, which hold nulls, do without it.
if TYPE_CHECKING:
    from sae.activations.harvest import Splits, TokenRows
    from sae.matching.features import Features
    from sae.streamed.rows import StoredSplits

Draw: TypeAlias = "Callable[[Features], Features]"
"""One draw of a null, the same for every agent."""


class Null(ABC):
    """What features are made to share no more than."""

    @abstractmethod
    def __call__(self, rows: Splits | StoredSplits, rng: np.random.Generator) -> Draw:
        """A draw on the tokens of either split."""


nulls: Registry[type[Null]] = Registry("null", "sae.comparison.nulls", Null)


@dataclass(frozen=True)
class PermutedRows:
    """A draw that permutes rows.

    selection, evaluation: int64 [N], their order in either split; of codes on the disk, what gives
    it block by block (``sae.streamed.rows.BlockOrders``).
    """

    selection: Any
    evaluation: Any

    def __call__(self, features: Features) -> Features:
        return features.permuted(self.selection, self.evaluation)

    @property
    def unmoved(self) -> float:
        """Share of rows left in place."""
        left = rows = 0
        for order in chain(_in_blocks(self.selection), _in_blocks(self.evaluation)):
            left += int((order == np.arange(len(order))).sum())
            rows += len(order)
        return left / rows


def _in_blocks(order: Any) -> Iterable[NDArray[np.int64]]:
    return (order,) if isinstance(order, np.ndarray) else order


class PermutingNull(Null):
    """A null that permutes the rows of either split by ``order``."""

    @abstractmethod
    def order(self, rows: TokenRows, rng: np.random.Generator) -> NDArray[np.int64]:
        """int64 [N]: a permutation of N rows."""

    def __call__(self, rows: Splits | StoredSplits, rng: np.random.Generator) -> PermutedRows:
        selection = rows.selection.ordered(self.order, rng)
        return PermutedRows(selection, rows.evaluation.ordered(self.order, rng))


__all__ = ["Draw", "Null", "PermutedRows", "PermutingNull", "nulls"]
