"""Rectangles drawn, compared and turned into masks, a whole batch at a time.

A rectangle is int16 [4]: top, left, bottom, right, the last two exclusive. Masks are made by
comparing coordinates, not looked up, so that any size of grid costs only its own cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

MIN_SIDE = 3
"""Thinner rectangles have no inside, and `frame` and `contact` could not be undone."""

LISTED_SETS = 200_000
"""Grids with fewer candidate sets than this have them all listed, once."""

Rectangles = NDArray[np.int16]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Plane:
    """A grid's extent; makes masks bool [n, G] of rectangles int16 [n, 4], G = height * width."""

    height: int
    width: int

    def sample(self, rng: np.random.Generator, count: int, rectangles: int) -> Rectangles:
        """int16 [count, rectangles, 4]: sets of which no two overlap, uniform over such sets."""
        share = _disjoint_share(self, rectangles)
        kept: list[Rectangles] = []
        found = 0
        while found < count:
            kept.append(self._disjoint(rng, int(1.1 * (count - found) / share) + 64, rectangles))
            found += len(kept[-1])
        return np.concatenate(kept)[:count]

    def _disjoint(self, rng: np.random.Generator, tries: int, rectangles: int) -> Rectangles:
        """Of ``tries`` sets drawn at random, those without an overlap."""
        rows, columns = _intervals(self.height), _intervals(self.width)
        sets = np.empty((tries, 0, 4), dtype=np.int16)
        for _ in range(rectangles):
            vertical = rows[rng.integers(len(rows), size=len(sets), dtype=np.int32)]
            horizontal = columns[rng.integers(len(columns), size=len(sets), dtype=np.int32)]
            one = np.stack([vertical, horizontal], axis=2).reshape(-1, 4)
            clear = np.ones(len(sets), dtype=np.bool_)
            for k in range(sets.shape[1]):
                clear &= ~overlap(sets[:, k], one)
            sets = np.concatenate([sets[clear], one[clear, None]], axis=1)
        return sets

    def every_set(self, rectangles: int) -> Rectangles | None:
        """int16 [k, rectangles, 4]: every set without an overlap; None when too many to list."""
        single = len(_intervals(self.height)) * len(_intervals(self.width))
        if single**rectangles > LISTED_SETS:
            return None
        vertical = np.repeat(_intervals(self.height), len(_intervals(self.width)), axis=0)
        horizontal = np.tile(_intervals(self.width), (len(_intervals(self.height)), 1))
        one = np.stack([vertical, horizontal], axis=2).reshape(-1, 4)
        chosen = np.indices((single,) * rectangles).reshape(rectangles, -1).T
        sets = one[chosen]
        for a in range(rectangles):
            for b in range(a):
                sets = sets[~overlap(sets[:, a], sets[:, b])]
        return sets

    def fits(self, rectangles: int) -> bool:
        """True when that many disjoint rectangles can stand in the grid."""
        return (self.height // MIN_SIDE) * (self.width // MIN_SIDE) >= rectangles

    def full(self, r: Rectangles) -> Mask:
        """All cells of the rectangles (which may be empty)."""
        rows, columns = (
            np.arange(self.height, dtype=np.int16),
            np.arange(self.width, dtype=np.int16),
        )
        in_rows = (rows >= r[:, 0:1]) & (rows < r[:, 2:3])
        in_columns = (columns >= r[:, 1:2]) & (columns < r[:, 3:4])
        return (in_rows[:, :, None] & in_columns[:, None, :]).reshape(len(r), -1)

    def inner(self, r: Rectangles) -> Mask:
        """The rectangles without their border."""
        return self.full(r + np.array([1, 1, -1, -1], dtype=np.int16))

    def outline(self, r: Rectangles) -> Mask:
        """The border alone, one cell wide."""
        return self.full(r) & ~self.inner(r)

    def corner(self, r: Rectangles) -> Mask:
        """The top left cell."""
        return self.full(np.stack([r[:, 0], r[:, 1], r[:, 0] + 1, r[:, 1] + 1], axis=1))

    def ells(self, r: Rectangles, rising: Mask) -> Mask:
        """Three cells at each of two opposite corners; ``rising`` [n] chooses the diagonal.

        The falling diagonal runs from the top left to the bottom right.
        """
        top, left, bottom, right = r.T.astype(np.int64)
        near, far = np.where(rising, right - 1, left), np.where(rising, left, right - 1)
        inward = np.where(rising, -1, 1)
        rows = [top, top + 1, top, bottom - 1, bottom - 2, bottom - 1]
        columns = [near, near, near + inward, far, far, far - inward]
        mask = np.zeros((len(r), self.height * self.width), dtype=np.bool_)
        for row, column in zip(rows, columns, strict=True):
            mask[np.arange(len(r)), row * self.width + column] = True
        return mask


def overlap(a: Rectangles, b: Rectangles) -> Mask:
    """bool [n]: sharing a cell."""
    vertical, horizontal = _gaps(a, b)
    return (vertical < 0) & (horizontal < 0)


def touch(a: Rectangles, b: Rectangles) -> Mask:
    """bool [n]: disjoint but sharing a side."""
    vertical, horizontal = _gaps(a, b)
    return (np.maximum(vertical, horizontal) == 0) & (np.minimum(vertical, horizontal) < 0)


def _gaps(a: Rectangles, b: Rectangles) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Vertical and horizontal distance: negative where projections overlap, 0 where they meet."""
    vertical = np.maximum(a[:, 0] - b[:, 2], b[:, 0] - a[:, 2])
    horizontal = np.maximum(a[:, 1] - b[:, 3], b[:, 1] - a[:, 3])
    return vertical, horizontal


def middle_line(r: Rectangles, direction: NDArray[np.int64]) -> Rectangles:
    """The line across the middle; direction [n]: filling goes down, up, right or left from it."""
    return _cut(r, direction, line=True)


def half(r: Rectangles, direction: NDArray[np.int64]) -> Rectangles:
    """Everything from the middle line on, in its direction, the line included."""
    return _cut(r, direction, line=False)


def _cut(r: Rectangles, direction: NDArray[np.int64], line: bool) -> Rectangles:
    axis = direction // 2
    back = direction % 2
    low = np.where(axis == 0, r[:, 0], r[:, 1])
    high = np.where(axis == 0, r[:, 2], r[:, 3])
    at = (low + high - back) // 2
    start = at if line else np.where(back == 0, at, low)
    stop = at + 1 if line else np.where(back == 0, high, at + 1)
    rows = np.stack([start, r[:, 1], stop, r[:, 3]], axis=1)
    columns = np.stack([r[:, 0], start, r[:, 2], stop], axis=1)
    return np.where(axis[:, None] == 0, rows, columns).astype(np.int16)


@cache
def _intervals(size: int) -> NDArray[np.int16]:
    """int16 [k, 2]: every (start, stop) of at least MIN_SIDE within 0 .. size."""
    pairs = [(a, b) for a in range(size) for b in range(a + MIN_SIDE, size + 1)]
    return np.array(pairs, dtype=np.int16).reshape(-1, 2)


@cache
def _disjoint_share(plane: Plane, rectangles: int) -> float:
    """About how often a random set has no overlap; decides only how many are drawn at once."""
    tries = 1 << 14
    found = len(plane._disjoint(np.random.default_rng(0), tries, rectangles))
    return max(found, 1) / tries
