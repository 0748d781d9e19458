"""Strings changed in one thing that turns the verdict: two brackets swapped, or one turned."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from world.brackets.generators import flipped
from world.brackets.nesting import COUNT, NESTED, Brackets, accepts, lengths

SWAP, FLIP = CHANGES = ("swap", "flip")
"""A swap leaves the number of either bracket as it is, so that only nesting tells; a flip does
not."""
ATTEMPTS = 256
"""Times that a string is changed at random until its verdict turns; after that it is given up."""


def changed(
    strings: Brackets, kind: str, rng: np.random.Generator
) -> tuple[NDArray[np.int64], Brackets]:
    """Rows, int64 [m], that could be changed so that the verdict turns, and [m, L] what they
    become."""
    balanced, size = accepts(NESTED, strings), lengths(strings)
    possible = size > 0
    if kind == SWAP:
        possible &= accepts(COUNT, strings)
    made, todo = strings.copy(), np.flatnonzero(possible)
    for _ in range(ATTEMPTS):
        make = _swapped if kind == SWAP else flipped
        made[todo] = make(rng, strings[todo], size[todo])
        todo = todo[accepts(NESTED, made[todo]) == balanced[todo]]
    rows = np.setdiff1d(np.flatnonzero(possible), todo)
    return rows, made[rows]


def _swapped(rng: np.random.Generator, strings: Brackets, sizes: NDArray[np.int64]) -> Brackets:
    """Each string with two of its brackets, any of them, in each other's place."""
    rows = np.arange(len(strings))
    one, other = (rng.random((2, len(strings))) * sizes).astype(np.int64)
    made = strings.copy()
    made[rows, one], made[rows, other] = strings[rows, other], strings[rows, one]
    return made
