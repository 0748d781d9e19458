"""Sequences of one split by index: a stream is cut into blocks, each drawn from a seed of its own.

A block is filled by drawing until enough sequences fall into the split, so a sequence at an index
does not depend on the range that was asked for.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from world.core.batch import QuizBatch, concatenate
from world.core.errors import UserError
from world.core.seeds import Stream
from world.core.world import TRAIN, World

BLOCK = 1024
"""Sequences drawn from one seed; a draw of any range is cut from whole blocks."""
TRIES = 100
"""Times a block is filled up before its split is held to be empty."""

Generate = Callable[[np.random.Generator, int], QuizBatch]
"""Gives so many sequences of every split, in layout 0."""


def draw_split(
    world: World, generate: Generate, stream: Stream, start: int, count: int, split: str
) -> QuizBatch:
    """Sequences ``start .. start + count`` of a stream, of one split, cut from whole blocks.

    Raises ValueError on an unknown split, UserError where hardly any sequence is of the split.
    """
    if split not in world.splits:
        raise ValueError(f"unknown split {split!r}; known: {', '.join(world.splits)}")
    first, last = start // BLOCK, (start + max(count, 1) - 1) // BLOCK
    named = stream.with_role(f"{stream.role}/{split}")
    blocks = [_block(world, generate, named.generator(b), split) for b in range(first, last + 1)]
    return concatenate(blocks)[start - first * BLOCK : start - first * BLOCK + count]


def _block(world: World, generate: Generate, rng: np.random.Generator, split: str) -> QuizBatch:
    """BLOCK sequences of a split, by drawing until enough fall into it."""
    wanted, kept, size = world.splits.index(split), [], 0
    share = 0.8 if split == TRAIN else 0.1
    for _ in range(TRIES):
        drawn = generate(rng, int(1.1 * (BLOCK - size) / share) + 16)
        kept.append(drawn[world.split_of(drawn) == wanted])
        size += len(kept[-1])
        if size >= BLOCK:
            return concatenate(kept)[:BLOCK]
    raise UserError(
        f"this world has too few different quizzes for a {split!r} split; "
        f"make it larger or give it more tasks"
    )
