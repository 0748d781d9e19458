"""Sequences of one split by index: a stream is cut into blocks, each drawn from a seed of its own.

A block is always drawn whole, so a sequence at an index does not depend on the range that was
asked for.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from world.core.batch import QuizBatch, concatenate
from world.core.errors import UserError
from world.core.seeds import Stream
from world.core.world import SHARES, World

BLOCK = 1024
"""Sequences drawn from one seed; a draw of any range is cut from whole blocks."""
TRIES = 1000
"""Times that rows are drawn again before their split is held to be empty: each is of it with a
chance of a tenth at least, so that this many misses do not happen where there is anything."""

Generate = Callable[[np.random.Generator, int, int], QuizBatch]
"""Gives so many sequences of a split (its index), in layout 0."""


def draw_split(
    world: World, generate: Generate, stream: Stream, start: int, count: int, split: str
) -> QuizBatch:
    """Sequences ``start .. start + count`` of a stream, of one split, cut from whole blocks.

    Raises ValueError on an unknown split.
    """
    if split not in world.splits:
        raise ValueError(f"unknown split {split!r}; known: {', '.join(world.splits)}")
    first, last = start // BLOCK, (start + max(count, 1) - 1) // BLOCK
    named, index = stream.with_role(f"{stream.role}/{split}"), world.splits.index(split)
    blocks = [generate(named.generator(b), BLOCK, index) for b in range(first, last + 1)]
    return concatenate(blocks)[start - first * BLOCK : start - first * BLOCK + count]


def by_rejection(
    world: World, generate: Callable[[np.random.Generator, int], QuizBatch]
) -> Generate:
    """Sequences of a split, where they can only be made of every split: those of others are left
    out. Raises UserError where there are none."""

    def of_split(rng: np.random.Generator, count: int, split: int) -> QuizBatch:
        kept: list[QuizBatch] = []
        for _ in range(TRIES):
            missing = count - sum(map(len, kept))
            drawn = generate(rng, int(1.1 * missing / SHARES[split]) + 16)
            kept.append(drawn[world.split_of(drawn) == split])
            if len(kept[-1]) >= missing:
                return concatenate(kept)[:count]
        raise too_small(f"few different sequences for its split {world.splits[split]!r}")

    return of_split


def redraw(
    count: int, draw: Callable[[NDArray[np.int64]], NDArray[np.bool_]], missing: str
) -> None:
    """Draw rows 0 .. count until all are accepted.

    draw: given the rows to do, draws them and tells which it accepts. missing: what there is too
    little of if that never happens. Raises UserError then.
    """
    todo = np.arange(count)
    for _ in range(TRIES):
        todo = todo[~draw(todo)]
        if not len(todo):
            return
    raise too_small(missing)


def too_small(missing: str) -> UserError:
    """The error of a world that has too little of something."""
    return UserError(f"this world has too {missing}; make it larger or leave that task out")
