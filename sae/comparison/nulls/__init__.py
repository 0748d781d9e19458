"""Nulls: how well features of two agents match by chance and by what is trivially shared.

A null is drawn for both halves of the quizzes at once, put onto the features of one agent, and
asked how well another agent's match them: the match is chosen on one half and its correlation
reported on the other, as without the null. One null is one file in this package; most permute
the rows of one agent, and are functions of the rows and a generator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sae.activations.harvest import TokenRows
from sae.matching.features import Features
from sae.matching.search import Matched, match_both_ways
from world import Registry

Halves = tuple[TokenRows, TokenRows]
"""The rows of the choosing half and of the reported half."""
Onto = Callable[[Features], tuple[Matched, Matched]]
"""Asked with features of a: their matches in b under the null, and those of b's in a."""


class Draw(Protocol):
    """One draw of a null."""

    @property
    def unmoved(self) -> float | None:
        """Share of rows left in place; None where none is moved."""
        ...

    def onto(self, b: Features) -> Onto:
        """The null put onto the features of agent b."""
        ...


Null = Callable[[Halves, np.random.Generator], Draw]
Order = Callable[[TokenRows, np.random.Generator], NDArray[np.int64]]
"""Gives a permutation int64 [N] of rows."""

nulls: Registry[Null] = Registry("null", "sae.comparison.nulls")


@dataclass(frozen=True)
class Shuffled:
    """b: features of an agent, their rows permuted."""

    b: Features

    def __call__(self, a: Features) -> tuple[Matched, Matched]:
        return match_both_ways(a, self.b)


@dataclass(frozen=True)
class Permuted:
    """Rows permuted. orders: int64, permutations of the choosing and of the reported half."""

    orders: tuple[NDArray[np.int64], NDArray[np.int64]]

    @property
    def unmoved(self) -> float | None:
        """Share of rows left in place."""
        return float(np.concatenate([o == np.arange(len(o)) for o in self.orders]).mean())

    def onto(self, b: Features) -> Shuffled:
        """b with its rows permuted."""
        choosing, reported = b.choosing, b.reported
        return Shuffled(
            replace(
                b,
                choosing=choosing.permuted(self.orders[0]),
                reported=reported.permuted(self.orders[1]),
            )
        )


@dataclass(frozen=True)
class Permuting:
    """A null that permutes the rows of either half by ``order``."""

    order: Order

    def __call__(self, halves: Halves, rng: np.random.Generator) -> Permuted:
        return Permuted((self.order(halves[0], rng), self.order(halves[1], rng)))


def permuting(name: str) -> Callable[[Order], Order]:
    """Decorator: register a function that permutes rows as a null."""

    def register(order: Order) -> Order:
        nulls.register(name)(Permuting(order))
        return order

    return register


__all__ = [
    "Draw",
    "Halves",
    "Null",
    "Onto",
    "Permuted",
    "Permuting",
    "Shuffled",
    "nulls",
    "permuting",
]
