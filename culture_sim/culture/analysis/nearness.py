"""The nearest quiz in a pool, in cells that differ, up to the world's symmetries.

Colours may be renamed and a quiz may be read in each of its world's readings, so that two quizzes
are as near as their closest disguises are. Where one of two cells is background and the other is
not, they differ under every renaming: that count is a bound by which most of a pool is passed over.
Of those left, most are by a tighter bound, in which colours may be renamed to the same one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from world import QuizBatch, World

CHUNK = 256
"""Quizzes whose bounds are in memory at once."""
CANDIDATES = 64
"""Quizzes of a pool whose colours are compared at once, the most promising first."""


@dataclass(frozen=True)
class Nearest:
    """For each of B quizzes, distance: int64 [B], cells in which the nearest quiz of the pool
    differs; index: int64 [B], its place there. Where the pool is empty, M (all cells) and -1."""

    distance: NDArray[np.int64]
    index: NDArray[np.int64]


def nearest(
    world: World, batch: QuizBatch, pool: QuizBatch, but: NDArray[np.bool_] | None = None
) -> Nearest:
    """The nearest quiz of the pool to each of a batch.

    but: bool [B, pool], the quizzes of the pool that are of no account for each of the batch, such
    as itself.
    """
    asked, known = world.readings(batch), world.readings(pool)[:, 0]
    distance = np.full(len(batch), asked.shape[2], dtype=np.int64)
    index = np.full(len(batch), -1, dtype=np.int64)
    for row in range(len(batch)):
        if row % CHUNK == 0:
            bounds = _bounds(asked[row : row + CHUNK], known)
        bound = bounds[row % CHUNK]
        if but is not None:
            bound[:, but[row]] = asked.shape[2]
        distance[row], index[row] = _closest(asked[row], known, bound)
    return Nearest(distance, index)


def _bounds(asked: NDArray[np.uint8], known: NDArray[np.uint8]) -> NDArray[np.int16]:
    """int16 [b, R, N]: cells of which one is background and the other is not."""
    one, other = (asked > 0).astype(np.float32), (known > 0).astype(np.float32)
    both = one @ other.T
    differ = one.sum(axis=2)[:, :, None] + other.sum(axis=1) - 2 * both
    return differ.astype(np.int16)  # 16 bits are sorted several times as fast


def _closest(
    readings: NDArray[np.uint8], known: NDArray[np.uint8], bound: NDArray[np.int16]
) -> tuple[int, int]:
    """Distance and place of the nearest of ``known`` [N, M] to a quiz's readings [R, M]."""
    best, place = readings.shape[1], -1
    order = np.argsort(bound, axis=None, kind="stable")
    for start in range(0, len(order), CANDIDATES):
        reading, candidate = np.divmod(order[start : start + CANDIDATES], bound.shape[1])
        least = bound[reading, candidate]
        if least[0] >= best:
            break
        joint = _joint(readings[reading], known[candidate])
        least = np.maximum(least, _least(joint))
        for row in np.flatnonzero(least < best).tolist():
            if least[row] < best and (found := _distance(joint[row])) < best:
                best, place = found, int(candidate[row])
    return best, place


def distance(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> int:
    """Cells in which two quizzes [M] differ under the best renaming of the colours of one.

    Value 0 is background and is never renamed. The best renaming is an assignment problem.
    """
    return _distance(_joint(one[None], other[None])[0])


def _joint(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.int64]:
    """int64 [k, V, V]: cells of each two quizzes [k, M] by the value in one and in the other."""
    values = int(max(one.max(), other.max())) + 1
    pair = np.arange(len(one))[:, None]
    code = (pair * values + one) * values + other
    counts = np.bincount(code.ravel(), minlength=len(one) * values * values)
    return counts.reshape(len(one), values, values)


def _distance(joint: NDArray[np.int64]) -> int:
    """The distance of two quizzes from their joint counts [V, V]."""
    from scipy.optimize import linear_sum_assignment  # slow to import, and not for every command

    rows, columns = linear_sum_assignment(joint[1:, 1:], maximize=True)
    return int(joint.sum() - joint[0, 0] - joint[1:, 1:][rows, columns].sum())


def _least(joint: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64 [k]: what distances are at least, from joint counts [k, V, V]."""
    colours = joint[:, 1:, 1:]
    alike = np.minimum(
        colours.max(axis=2, initial=0).sum(axis=1), colours.max(axis=1, initial=0).sum(axis=1)
    )
    return np.asarray(joint.sum(axis=(1, 2)) - joint[:, 0, 0] - alike)
