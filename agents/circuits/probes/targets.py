"""What probes are to read, and at which positions they look for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from numpy.typing import NDArray

from world import QuizBatch, World
from world.core.errors import UserError

Kind = Literal["number", "class"]
Token = Literal["read", "next"]


@dataclass(frozen=True)
class Target:
    """What is true at every position of n sequences of T tokens.

    kind: a number is read by ridge regression, classes by logistic regression. values: float64
    [n, T], NaN where it has no meaning; position t is that of ``agents.hooks``, at which
    tokens[:, :t] have been read. Classes are whole numbers.
    """

    name: str
    kind: Kind
    values: Float[NDArray[np.float64], "n T"]

    def __post_init__(self) -> None:
        known = self.values[~np.isnan(self.values)]
        if self.kind == "class" and np.any(known != np.round(known)):
            raise UserError(f"classes of {self.name!r} must be whole numbers")

    @classmethod
    def of_quizzes(
        cls, name: str, kind: Kind, values: Shaped[NDArray[np.generic], " n"], length: int
    ) -> Target:
        """One value [n] for each sequence, at all ``length`` positions; NaN has no meaning."""
        return cls(name, kind, np.repeat(values.astype(np.float64)[:, None], length, axis=1))

    @classmethod
    def of_tokens(
        cls,
        name: str,
        kind: Kind,
        values: Shaped[NDArray[np.generic], "n T"],
        token: Token = "read",
    ) -> Target:
        """One value for each token [n, T], NaN where it has none.

        token: at a position stands the value of the last token read there, or of the next, which
        the agent is to predict.
        """
        numbers = values.astype(np.float64)
        if token == "read":
            numbers = np.pad(numbers[:, :-1], ((0, 0), (1, 0)), constant_values=np.nan)
        return cls(name, kind, numbers)

    @classmethod
    def of_world(
        cls, world: World, batch: QuizBatch, label: str, kind: Kind, token: Token = "read"
    ) -> Target:
        """A label that the world has of every token; raises UserError where it has none such."""
        labels = world.labels(batch)
        if label not in labels:
            raise UserError(f"unknown label {label!r}; the world has: {', '.join(sorted(labels))}")
        values = labels[label].astype(np.float64)
        return cls.of_tokens(label, kind, np.where(values < 0, np.nan, values), token)


def at(position: Int[NDArray[np.int64], " n"], length: int) -> Bool[NDArray[np.bool_], "n T"]:
    """One position of each sequence, of ``length`` positions: a place for ``probe_sites``."""
    return np.arange(length) == position[:, None]


def each_position(
    where: Bool[NDArray[np.bool_], "n T"],
) -> dict[str, Bool[NDArray[np.bool_], "n T"]]:
    """Every position with a token in ``where`` as a place of its own, named by its number."""
    number = np.arange(where.shape[1])
    return {str(t): where & (number == t) for t in np.flatnonzero(where.any(axis=0))}
