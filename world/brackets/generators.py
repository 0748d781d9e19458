"""Strings of brackets drawn at random, whole batches at once.

``sizes``, int64 [n], are the lengths of n strings, even; strings are [n, width] with zeros at
their ends.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from world.brackets.nesting import CLOSE, OPEN, Brackets

Sizes = NDArray[np.int64]


def walk(rng: np.random.Generator, sizes: Sizes, width: int) -> Brackets:
    """Balanced strings: each bracket opens or closes by a coin, unless only one of them can stand.

    Not all strings are equally likely: those with many forced brackets come more often.
    """
    return _balanced(rng, sizes, width)


def uniform(rng: np.random.Generator, sizes: Sizes, width: int) -> Brackets:
    """Balanced strings, all of one length equally likely.

    At height h with r brackets to come, (h + 2)(r - h) of 2 r (h + 1) continuations open: the
    ratio of two ballot numbers (D. B. Arnold and M. R. Sleep, 1980).
    """
    return _balanced(rng, sizes, width, uniform=True)


def walk_of_depth(
    rng: np.random.Generator, sizes: Sizes, width: int, depth: NDArray[np.int64]
) -> Brackets:
    """Balanced strings of depths int64 [n], each from 1 to half its length.

    From a random place on, brackets open until the depth is reached; before and after that a walk
    that never goes deeper.
    """
    return _balanced(rng, sizes, width, depth=depth)


def _balanced(
    rng: np.random.Generator,
    sizes: Sizes,
    width: int,
    uniform: bool = False,
    depth: NDArray[np.int64] | None = None,
) -> Brackets:
    """One bracket after the other; each opens with a chance that hangs on the height and on how
    many are left."""
    strings = np.zeros((len(sizes), width), dtype=np.uint8)
    height = np.zeros(len(sizes), dtype=np.int64)
    reached = np.zeros(len(sizes), dtype=np.bool_)
    lots, begin = rng.random(strings.shape), rng.random(len(sizes))
    for place in range(width):
        left = np.maximum(sizes - place, 0)
        chance = np.full(len(sizes), 0.5)
        if uniform:
            chance = (height + 2) * (left - height) / np.maximum(2 * left * (height + 1), 1)
        if depth is not None:
            reached |= height == depth
            # Begun later, the climb would leave too few brackets to come down again.
            late = left <= 2 * depth - height
            climbs = ~reached & (late | (place >= begin * sizes))
            chance = np.select([height == depth, climbs], [0.0, 1.0], chance)
        chance = np.select([height == 0, height == left], [1.0, 0.0], chance)
        opens = lots[:, place] < chance
        strings[:, place] = np.where(left > 0, np.where(opens, OPEN, CLOSE), 0)
        height += np.where(left > 0, np.where(opens, 1, -1), 0)
    return strings


def shuffled(
    rng: np.random.Generator, sizes: Sizes, width: int, opens: NDArray[np.int64]
) -> Brackets:
    """Strings with so many opening brackets, int64 [n], all orders equally likely."""
    inside = np.arange(width) < sizes[:, None]
    lots = np.where(inside, rng.random(inside.shape), 1.0)
    rank = lots.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    brackets = np.where(rank < opens[:, None], OPEN, CLOSE)
    return np.where(inside, brackets, 0).astype(np.uint8)


def equal(rng: np.random.Generator, sizes: Sizes, width: int) -> Brackets:
    """As many opening as closing brackets in any order, balanced or not."""
    return shuffled(rng, sizes, width, sizes // 2)


def anything(rng: np.random.Generator, sizes: Sizes, width: int) -> Brackets:
    """All strings of a length equally likely, balanced or not."""
    inside = np.arange(width) < sizes[:, None]
    return np.where(inside, rng.integers(OPEN, CLOSE + 1, inside.shape), 0).astype(np.uint8)


def spread(rng: np.random.Generator, sizes: Sizes, width: int) -> Brackets:
    """All surpluses of a length but 0 equally likely, of either bracket, in any order."""
    surplus = 1 + (rng.random(len(sizes)) * (sizes // 2)).astype(np.int64)
    sign = 2 * rng.integers(2, size=len(sizes)) - 1
    return shuffled(rng, sizes, width, sizes // 2 + sign * surplus)


def flipped(rng: np.random.Generator, strings: Brackets, sizes: Sizes) -> Brackets:
    """Each string with one bracket turned round, any of them: a surplus of 2 where it had none."""
    rows = np.arange(len(strings))
    place = (rng.random(len(strings)) * sizes).astype(np.int64)
    changed = strings.copy()
    changed[rows, place] = OPEN + CLOSE - changed[rows, place]
    return changed
