"""Rectangles drawn, compared and turned into masks, a whole batch at a time.

A rectangle is int16 [4]: top, left, bottom, right, the last two exclusive. A mask is the
meeting of a band of rows and a band of columns, both looked up in tables of all bands.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

MIN_SIDE = 3
"""Thinner rectangles have no inside, and `frame` and `contact` could not be undone."""

MOST_CANDIDATES = 2_000_000
"""Sets are listed as long as no more candidates than this must be looked at."""

SETS_AT_ONCE = 4096
"""Sets that all rectangles are held against at once, which bounds memory."""

MOST_TRIES = 1 << 16
"""Sets drawn at once at most, which bounds the memory of a draw."""

Rectangles = NDArray[np.int16]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Plane:
    """A grid's extent; makes masks bool [n, G] of rectangles int16 [n, 4], G = height * width."""

    height: int
    width: int

    def sample(self, rng: np.random.Generator, count: int, rectangles: int) -> Rectangles:
        """int16 [count, rectangles, 4]: sets of which no two overlap, uniform over such sets."""
        share = self.share(rectangles)
        kept: list[Rectangles] = []
        found = 0
        while found < count:
            tries = min(int(1.1 * (count - found) / share) + 64, MOST_TRIES)
            kept.append(self._disjoint(rng, tries, rectangles))
            found += len(kept[-1])
        return np.concatenate(kept)[:count]

    def _disjoint(self, rng: np.random.Generator, tries: int, rectangles: int) -> Rectangles:
        """Of ``tries`` sets drawn at random, those without an overlap.

        A uniform listed set, extended by uniform rectangles and kept when nothing overlaps, is
        uniform over the larger sets; starting from a list saves most of the rejections.
        """
        listed = self.listed(rectangles)
        sets = listed[rng.integers(len(listed), size=tries, dtype=np.int32)]
        for _ in range(rectangles - listed.shape[1]):
            sets = self._extended(rng, sets)
        return sets

    def _extended(self, rng: np.random.Generator, sets: Rectangles) -> Rectangles:
        """Each set [n, k, 4] with one more rectangle drawn at random, where that overlaps none."""
        single = self.listed(1)[:, 0]
        one = single[rng.integers(len(single), size=len(sets), dtype=np.int32)]
        clear = np.flatnonzero(_clear(sets, one))
        return np.concatenate([sets[clear], one[clear, None]], axis=1)

    def listed(self, rectangles: int) -> Rectangles:
        """int16 [n, k, 4]: every set of k rectangles, for the largest k that can be listed.

        k is at most ``rectangles``; at least 1.
        """
        return _listed(self, rectangles)

    def share(self, rectangles: int) -> float:
        """How often a listed set, extended at random, has no overlap (estimated; 0 if too rare)."""
        return _disjoint_share(self, rectangles)

    def fits(self, rectangles: int) -> bool:
        """True when that many disjoint rectangles can stand in the grid."""
        return (self.height // MIN_SIDE) * (self.width // MIN_SIDE) >= rectangles

    def full(self, r: Rectangles) -> Mask:
        """All cells of the rectangles (which may be empty)."""
        rows, columns = _spans(self)
        mask = rows.take(r[:, 0].astype(np.int64) * (self.height + 1) + r[:, 2], axis=0)
        mask &= columns.take(r[:, 1].astype(np.int64) * (self.width + 1) + r[:, 3], axis=0)
        return mask

    def union(self, sets: Rectangles) -> Mask:
        """All cells of each set of rectangles [n, R, 4]."""
        mask = np.zeros((len(sets), self.height * self.width), dtype=np.bool_)
        for k in range(sets.shape[1]):
            mask |= self.full(sets[:, k])
        return mask

    def inner(self, r: Rectangles) -> Mask:
        """The rectangles without their border."""
        return self.full(r + np.array([1, 1, -1, -1], dtype=np.int16))

    def outline(self, r: Rectangles) -> Mask:
        """The border alone, one cell wide."""
        return self.full(r) & ~self.inner(r)

    def cell(self, r: Rectangles, row: int, column: int) -> Mask:
        """One cell, so many rows and columns from the top left."""
        at = r[:, :2] + np.array([row, column], dtype=np.int16)
        return self.full(np.concatenate([at, at + 1], axis=1).astype(np.int16))

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


@dataclass(frozen=True)
class CrowdedPlane(Plane):
    """A plane on which rectangles stand that leave no room for so many others, and no more."""

    others: int

    def listed(self, rectangles: int) -> Rectangles:
        """int16 [n, 1, 4]: those rectangles, whatever is asked for."""
        return _crowding(self)


def moderate(plane: Plane, sets: Rectangles) -> Mask:
    """bool [n]: sets [n, R, 4] none of whose rectangles takes more than half of the grid."""
    sides = (sets[..., 2:] - sets[..., :2]).astype(np.int64)
    return np.asarray((2 * sides.prod(axis=2) <= plane.height * plane.width).all(axis=1))


def overlap(a: Rectangles, b: Rectangles) -> Mask:
    """bool [n]: sharing a cell."""
    in_rows = (a[:, 0] < b[:, 2]) & (b[:, 0] < a[:, 2])
    return in_rows & (a[:, 1] < b[:, 3]) & (b[:, 1] < a[:, 3])


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
def _spans(plane: Plane) -> tuple[Mask, Mask]:
    """bool [(H + 1)^2, G] and [(W + 1)^2, G]: bands of rows and of columns.

    The band from start to stop (exclusive) of an axis of size N is at start * (N + 1) + stop.
    """
    row, column = np.divmod(np.arange(plane.height * plane.width), plane.width)
    bands = []
    for place, size in ((row, plane.height), (column, plane.width)):
        start, stop = np.divmod(np.arange((size + 1) ** 2), size + 1)
        bands.append((place >= start[:, None]) & (place < stop[:, None]))
    return bands[0], bands[1]


@cache
def _listed(plane: Plane, rectangles: int) -> Rectangles:
    rows, columns = _intervals(plane.height), _intervals(plane.width)
    vertical = np.repeat(rows, len(columns), axis=0)
    horizontal = np.tile(columns, (len(rows), 1))
    return _sets_of(np.stack([vertical, horizontal], axis=2).reshape(-1, 4), rectangles)


def _sets_of(single: Rectangles, rectangles: int) -> Rectangles:
    """int16 [n, k, 4]: sets of disjoint ones of [m, 4], for the largest k that can be listed."""
    sets = single[:, None]
    while sets.shape[1] < rectangles and len(sets) * len(single) <= MOST_CANDIDATES:
        one = np.tile(single, (len(sets), 1))
        candidates = np.repeat(sets, len(single), axis=0)
        clear = _clear(candidates, one)
        sets = np.concatenate([candidates[clear], one[clear, None]], axis=1)
    return sets


@cache
def _crowding(crowded: CrowdedPlane) -> Rectangles:
    plane = Plane(crowded.height, crowded.width)
    single = plane.listed(1)
    # Where there is room for rectangles, there is for the smallest.
    smallest = (single[:, 0, 2:] - single[:, 0, :2] == MIN_SIDE).all(axis=1)
    sets = _sets_of(single[smallest, 0], crowded.others)
    if sets.shape[1] < crowded.others:
        return single[:0]  # too many to look at
    for start in range(0, len(sets), SETS_AT_ONCE):
        taken = plane.union(sets[start : start + SETS_AT_ONCE]).T.astype(np.float32)
        shared = plane.full(single[:, 0]).astype(np.float32) @ taken
        single = single[(shared > 0).all(axis=1)]
    return single


def _clear(sets: Rectangles, one: Rectangles) -> Mask:
    """bool [n]: where a rectangle [n, 4] overlaps none of its set [n, k, 4]."""
    clear = np.ones(len(one), dtype=np.bool_)
    for k in range(sets.shape[1]):
        clear &= ~overlap(sets[:, k], one)
    return clear


@cache
def _disjoint_share(plane: Plane, rectangles: int) -> float:
    """The product of each rectangle's chance, so that rare sets are not missed."""
    tries, share, rng = 1 << 14, 1.0, np.random.default_rng(0)
    sets = plane.listed(rectangles)
    for _ in range(rectangles - sets.shape[1]):
        extended = plane._extended(rng, sets[rng.integers(len(sets), size=tries)])
        share *= len(extended) / tries
        if not len(extended):
            break
        sets = extended
    return share
