"""Nulls: how well features of two agents match by chance and by what is trivially shared.

A null takes rows and a generator, and returns a function of features: those of one agent go in,
features come out that share with another agent no more than chance gives. Matches among these are
chosen and graded as without the null. One null is one file in this package. Most permute rows, and
are written as a function of rows and a generator that gives their order; one with options is a
frozen dataclass that is called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sae.activations.harvest import Splits, TokenRows
from sae.matching.features import Features
from world import Registry

Draw = Callable[[Features], Features]
"""One draw of a null, the same for every agent."""
Null = Callable[[Splits, np.random.Generator], Draw]
Order = Callable[[TokenRows, np.random.Generator], NDArray[np.int64]]
"""Gives a permutation int64 [N] of rows."""

nulls: Registry[Null] = Registry("null", "sae.comparison.nulls")


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


@dataclass(frozen=True)
class Permutation:
    """A null that permutes the rows of either split by ``order``."""

    order: Order

    def __call__(self, rows: Splits, rng: np.random.Generator) -> PermutedRows:
        return PermutedRows(self.order(rows.selection, rng), self.order(rows.evaluation, rng))


def permutation(name: str) -> Callable[[Order], Order]:
    """Decorator: register a function that gives an order of rows as a null."""

    def register(order: Order) -> Order:
        nulls.register(name)(Permutation(order))
        return order

    return register


__all__ = ["Draw", "Null", "Order", "Permutation", "PermutedRows", "nulls", "permutation"]
