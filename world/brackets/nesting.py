"""What is true of strings of brackets: heights, depth, partners, why one is unbalanced.

The height after a place is the number of opening brackets up to it less that of closing ones. A
string is balanced when no height is below zero and the last one is zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

OPEN, CLOSE = 1, 2
Brackets = NDArray[np.uint8]
"""[n, L]: OPEN and CLOSE, then zeros up to the end."""

KINDS = ("balanced", "count", "count_dip", "count_dip_first", "dip", "dip_first")
"""Every string is of one kind. An unbalanced one ends at another height than zero ("count"), or
dips below zero, or both; a dip comes after an opening bracket, or with the first one ("first")."""
BALANCED = 0
UNEQUAL = (1, 2, 3)
"""Kinds of which a count of the brackets is enough to see that they are unbalanced."""
EQUAL = (4, 5)
"""Kinds with as many opening as closing brackets, all of which a count takes for balanced."""
NESTED, COUNT, FIRST = RULES = ("nested", "count", "first symbol")
"""Rules that an agent may have learned: see ``accepts``."""


def lengths(strings: Brackets) -> NDArray[np.int64]:
    """int64 [n]: brackets of each string."""
    return (strings > 0).sum(axis=1)


def heights(strings: Brackets) -> NDArray[np.int64]:
    """int64 [n, L]: the height after each place; after the end of a string, its last one."""
    steps = (strings == OPEN).astype(np.int64) - (strings == CLOSE)
    return np.cumsum(steps, axis=1)


def lows(height: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64 [n, L]: the lowest height up to each place, 0 where none was below zero."""
    return np.minimum(np.minimum.accumulate(height, axis=1), 0)


def kinds_of(strings: Brackets) -> NDArray[np.int64]:
    """int64 [n]: index into KINDS."""
    height = heights(strings)
    wrong, dips = height[:, -1] != 0, height.min(axis=1) < 0
    first = strings[:, 0] == CLOSE
    cases = [~wrong & ~dips, wrong & ~dips, wrong & dips & ~first, wrong & dips, dips & ~first]
    return np.select(cases, range(len(cases)), len(cases))


def accepts(rule: str, strings: Brackets) -> NDArray[np.bool_]:
    """bool [n]: strings that a rule takes for balanced.

    "nested": those that are. "count": those with as many opening as closing brackets. "first
    symbol": those of them that begin with an opening one. Raises KeyError for another rule.
    """
    height = heights(strings)
    equal = height[:, -1] == 0
    return {
        NESTED: equal & (height.min(axis=1) >= 0),
        COUNT: equal,
        FIRST: equal & (strings[:, 0] == OPEN),
    }[rule]


def depths(strings: Brackets) -> NDArray[np.int64]:
    """int64 [n]: the greatest height before the first one below zero."""
    height = heights(strings)
    return np.where(lows(height) < 0, 0, height).max(axis=1, initial=0)


def mirrored(strings: Brackets) -> Brackets:
    """The strings read from their ends, opening and closing exchanged; balanced ones stay so."""
    place = lengths(strings)[:, None] - 1 - np.arange(strings.shape[1])
    taken = np.take_along_axis(strings, np.maximum(place, 0), axis=1)
    return np.where(place >= 0, OPEN + CLOSE - taken, 0).astype(np.uint8)


def partners(strings: Brackets) -> NDArray[np.int64]:
    """int64 [n, L]: the place of the bracket that each one is matched with; -1 for none.

    A closing bracket is matched with the last opening one before it that is free.
    """
    found = np.full(strings.shape, -1, dtype=np.int64)
    stack = np.zeros((len(strings), strings.shape[1] + 1), dtype=np.int64)
    size = np.zeros(len(strings), dtype=np.int64)
    for place in range(strings.shape[1]):
        opens = np.flatnonzero(strings[:, place] == OPEN)
        stack[opens, size[opens]] = place
        size[opens] += 1
        closes = np.flatnonzero((strings[:, place] == CLOSE) & (size > 0))
        size[closes] -= 1
        partner = stack[closes, size[closes]]
        found[closes, place], found[closes, partner] = partner, place
    return found
