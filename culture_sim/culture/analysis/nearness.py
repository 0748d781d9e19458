"""The nearest quiz in a pool, in tokens that differ, up to the world's symmetries.

Values may be renamed and a quiz may be read in each of its readings, as its world says, so that two
quizzes are as near as their closest disguises are. Where one of two tokens may be renamed and the
other not, they differ under every renaming: that count is a bound by which most of a pool is passed
over. Of those left, most are by a tighter bound, in which values may be renamed to the same one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from world import QuizBatch, QuizWorld

Tokens = NDArray[np.unsignedinteger]
CHUNK = 256
"""Quizzes whose bounds are in memory at once."""
CANDIDATES = 64
"""Quizzes of a pool whose values are compared at once, the most promising first."""


@dataclass(frozen=True)
class Nearest:
    """For each of B quizzes, distance: int64 [B], tokens in which the nearest quiz of the pool
    differs; index: int64 [B], its place there. Where the pool is empty, M (all tokens) and -1."""

    distance: NDArray[np.int64]
    index: NDArray[np.int64]


def nearest(
    world: QuizWorld, batch: QuizBatch, pool: QuizBatch, but: NDArray[np.bool_] | None = None
) -> Nearest:
    """The nearest quiz of the pool to each of a batch.

    but: bool [B, pool], the quizzes of the pool that are of no account for each of the batch, such
    as itself.
    """
    asked, known = world.symmetries(batch), world.symmetries(pool)
    readings, others, renamable = asked.readings, known.readings[:, 0], asked.renamable
    distance = np.full(len(batch), readings.shape[2], dtype=np.int64)
    index = np.full(len(batch), -1, dtype=np.int64)
    for row in range(len(batch)):
        if row % CHUNK == 0:
            bounds = _bounds(readings[row : row + CHUNK], others, renamable)
        bound = bounds[row % CHUNK]
        if but is not None:
            bound[:, but[row]] = readings.shape[2]
        distance[row], index[row] = _closest(readings[row], others, renamable, bound)
    return Nearest(distance, index)


def _bounds(asked: Tokens, known: Tokens, renamable: NDArray[np.bool_]) -> NDArray[np.int16]:
    """int16 [b, R, N]: tokens that differ under every renaming: values that may be renamed are
    taken for one."""
    same = np.zeros((*asked.shape[:2], len(known)), dtype=np.float32)
    for values in (np.flatnonzero(renamable), *np.flatnonzero(~renamable)[:, None]):
        one, other = np.isin(asked, values), np.isin(known, values)
        if one.any() and other.any():
            same += one.astype(np.float32) @ other.T.astype(np.float32)
    return (asked.shape[2] - same).astype(np.int16)  # 16 bits are sorted several times as fast


def _closest(
    readings: Tokens, known: Tokens, renamable: NDArray[np.bool_], bound: NDArray[np.int16]
) -> tuple[int, int]:
    """Distance and place of the nearest of ``known`` [N, M] to a quiz's readings [R, M]."""
    best, place = readings.shape[1], -1
    order = np.argsort(bound, axis=None, kind="stable")
    for start in range(0, len(order), CANDIDATES):
        reading, candidate = np.divmod(order[start : start + CANDIDATES], bound.shape[1])
        least = bound[reading, candidate]
        if least[0] >= best:
            break
        joint = joint_counts(readings[reading], known[candidate], len(renamable))
        least = np.maximum(least, _least(joint, renamable))
        for row in np.flatnonzero(least < best).tolist():
            if least[row] < best and (found := _distance(joint[row], renamable)) < best:
                best, place = found, int(candidate[row])
    return best, place


def distance(one: Tokens, other: Tokens, renamable: NDArray[np.bool_]) -> int:
    """Tokens in which two quizzes [M] differ under the best renaming of the values of one.

    renamable: bool [V], the values that may be exchanged for each other. The best renaming is an
    assignment problem.
    """
    return _distance(joint_counts(one[None], other[None], len(renamable))[0], renamable)


def joint_counts(one: Tokens, other: Tokens, values: int) -> NDArray[np.int64]:
    """int64 [k, V, V]: tokens of each two quizzes [k, M] by the value in one and in the other."""
    pair = np.arange(len(one))[:, None]
    code = (pair * values + one) * values + other
    counts = np.bincount(code.ravel(), minlength=len(one) * values * values)
    return counts.reshape(len(one), values, values)


def _distance(joint: NDArray[np.int64], renamable: NDArray[np.bool_]) -> int:
    """The distance of two quizzes from their joint counts [V, V]."""
    from scipy.optimize import linear_sum_assignment  # slow to import, and not for every command

    renamed = joint[np.ix_(renamable, renamable)]
    rows, columns = linear_sum_assignment(renamed, maximize=True)
    fixed = joint.diagonal()[~renamable].sum()
    return int(joint.sum() - fixed - renamed[rows, columns].sum())


def _least(joint: NDArray[np.int64], renamable: NDArray[np.bool_]) -> NDArray[np.int64]:
    """int64 [k]: what distances are at least, from joint counts [k, V, V]."""
    renamed = joint[:, renamable][:, :, renamable]
    alike = np.minimum(
        renamed.max(axis=2, initial=0).sum(axis=1), renamed.max(axis=1, initial=0).sum(axis=1)
    )
    fixed = joint[:, ~renamable, ~renamable].sum(axis=1)
    return np.asarray(joint.sum(axis=(1, 2)) - fixed - alike)
