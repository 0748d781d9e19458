"""Scratchpads: what an agent writes before its verdict, each token a small step from those before.

"count": the height after every bracket; the first one below zero is written as such and ends it.
"cancel": the leftmost "()" is taken out, "&" and what is left are written, and so on, until nothing
is left or nothing can be taken out; then "&". So "())(" is followed by "&)(&" and the verdict.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from world.brackets.nesting import BALANCED, CLOSE, OPEN, Brackets, heights, kinds_of, lengths
from world.core.errors import UserError

Scratch = Literal["none", "count", "cancel"]
YES, NO = 3, 4
"""Token values of the verdict; those of brackets are OPEN and CLOSE, of a blank 0."""
FIRST_VALUE = 7
"""The first token value of a scratchpad's own."""
MOST = 100
"""Tokens that a scratchpad may have: an agent attends from each of them to all before it."""


def room(scratch: Scratch, length: int) -> int:
    """Most tokens that are written for a string of ``length`` brackets, the verdict apart."""
    return {"none": 0, "count": length, "cancel": (length // 2) ** 2}[scratch]


def own_values(scratch: Scratch, length: int) -> tuple[str, ...]:
    """What the token values from FIRST_VALUE on are called."""
    counts = tuple(str(height) for height in range(length + 1))
    return {"none": (), "count": (*counts, "below zero"), "cancel": ("&",)}[scratch]


def refuse_long(scratch: Scratch, length: int) -> None:
    """Raise UserError where a scratchpad would be longer than MOST."""
    needed = room(scratch, length)
    if needed <= MOST:
        return
    fits = max(n for n in range(0, length, 2) if room(scratch, n) <= MOST)
    raise UserError(
        f"world.scratch {scratch!r} takes {needed:,} tokens for world.length {length}, more than "
        f"{MOST}; set world.length to {fits} at most, or another scratchpad"
    )


def answers(scratch: Scratch, strings: Brackets) -> NDArray[np.uint8]:
    """[n, room + 1]: scratchpad and verdict of each string, then zeros."""
    verdict = np.where(kinds_of(strings) == BALANCED, YES, NO).astype(np.uint8)
    if scratch == "none":
        return verdict[:, None]
    written = np.zeros((len(strings), room(scratch, strings.shape[1]) + 1), dtype=np.uint8)
    write = _count if scratch == "count" else _cancel
    end = write(strings, written)
    written[np.arange(len(strings)), end] = verdict
    return written


def _count(strings: Brackets, written: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Writes the counts; returns how many tokens each has."""
    height, size = heights(strings), lengths(strings)
    below = FIRST_VALUE + strings.shape[1] + 1
    dips = height < 0
    end = np.where(dips.any(axis=1), dips.argmax(axis=1) + 1, size)
    values = np.where(dips, below, FIRST_VALUE + height)
    inside = np.arange(strings.shape[1]) < end[:, None]
    written[:, :-1] = np.where(inside, values, 0)
    return end


def _cancel(strings: Brackets, written: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Writes what is left after every step; returns how many tokens each has."""
    left, live = strings.copy(), np.arange(len(strings))
    end = np.zeros(len(strings), dtype=np.int64)
    while len(live):
        pairs = (left[live, :-1] == OPEN) & (left[live, 1:] == CLOSE)
        stuck = ~pairs.any(axis=1)
        left[live] = _without(left[live], np.where(stuck, left.shape[1], pairs.argmax(axis=1)))
        written[live, end[live]] = FIRST_VALUE
        end[live] += 1
        live = live[~stuck & (left[live] > 0).any(axis=1)]
        row, place = np.nonzero(left[live])
        written[live[row], end[live[row]] + place] = left[live[row], place]
        end[live] += lengths(left[live])
    return end


def _without(strings: Brackets, place: NDArray[np.int64]) -> Brackets:
    """Each string without the two brackets from ``place`` on, int64 [n]; L takes out none."""
    source = np.arange(strings.shape[1])
    source = source + 2 * (source >= place[:, None])
    longer = np.pad(strings, ((0, 0), (0, 2)))
    return np.take_along_axis(longer, source, axis=1)
