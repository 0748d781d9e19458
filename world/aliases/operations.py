"""Operations modulo a prime, and which cells of a table show the same thing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.int64]
Cells = tuple[Values, Values]
"""Columns x and y."""


@dataclass(frozen=True)
class Operation:
    """What is done to two numbers.

    of: z for x and y, not yet reduced. symmetries: each gives for any cell one with the same z;
    repeated, they give all of its twins. commutes: whether x and y may be exchanged. code: what
    the source calls it, or would.
    """

    of: Callable[[Values, Values], Values]
    symmetries: tuple[Callable[[Values, Values], Cells], ...]
    commutes: bool
    words: str
    code: str

    def table(self, modulus: int) -> Values:
        """int64 [modulus, modulus]: z for every x and y."""
        x, y = np.indices((modulus, modulus))
        return self.of(x, y) % modulus

    def orbits(self, modulus: int) -> Values:
        """int64 [modulus, modulus]: the number of the first of each cell's twins, itself one."""
        first = np.arange(modulus**2).reshape(modulus, modulus)
        while True:
            before = first
            for symmetry in self.symmetries:
                x, y = symmetry(*np.indices(first.shape))
                first = np.minimum(first, first[x % modulus, y % modulus])
            if np.array_equal(first, before):
                return first


def _exchange(x: Values, y: Values) -> Cells:
    return y, x


OPERATIONS = {
    "squares": Operation(
        lambda x, y: x * x + y * y,
        (_exchange, lambda x, y: (-x, y)),
        commutes=True,
        words="x² + y²",
        code="ssq",
    ),
    "sum": Operation(lambda x, y: x + y, (_exchange,), commutes=True, words="x + y", code="sum"),
    "product": Operation(
        lambda x, y: x * y,
        (_exchange, lambda x, y: (-x, -y)),
        commutes=True,
        words="x · y",
        code="prod",
    ),
    "difference": Operation(lambda x, y: x - y, (), commutes=False, words="x - y", code="diff"),
}
"""By name; the difference has no symmetry."""
