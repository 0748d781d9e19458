"""Quizzes of one split by index: a stream is cut into blocks, each drawn from a seed of its own.

A block is filled by drawing until enough quizzes fall into the split, so a quiz at an index does
not depend on the range that was asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from world.core.batch import QuizBatch, concatenate
from world.core.errors import UserError
from world.core.seeds import Stream
from world.core.world import SPLITS

if TYPE_CHECKING:
    from world.grids.world import GridsWorld

BLOCK = 1024
"""Quizzes drawn from one seed; a draw of any range is cut from whole blocks."""
TRIES = 100
"""Times a block is filled up before its split is held to be empty."""


def draw_split(
    world: GridsWorld,
    stream: Stream,
    start: int,
    count: int,
    split: str,
    task_weights: Sequence[float] | None,
) -> QuizBatch:
    """Quizzes ``start .. start + count`` of a stream, of one split, cut from whole blocks."""
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}; known: {', '.join(SPLITS)}")
    first, last = start // BLOCK, (start + max(count, 1) - 1) // BLOCK
    named = stream.with_role(f"{stream.role}/{split}")
    blocks = [_block(world, named, b, split, task_weights) for b in range(first, last + 1)]
    return concatenate(blocks)[start - first * BLOCK : start - first * BLOCK + count]


def _block(
    world: GridsWorld, stream: Stream, block: int, split: str, task_weights: Sequence[float] | None
) -> QuizBatch:
    """BLOCK quizzes of a split, by drawing until enough fall into it."""
    rng = stream.generator(block)
    wanted, kept, found = SPLITS.index(split), [], 0
    share = 0.8 if split == "train" else 0.1
    for _ in range(TRIES):
        quizzes = world.generate(rng, int(1.1 * (BLOCK - found) / share) + 16, task_weights)
        kept.append(quizzes[world.split(world.canonical_hash(quizzes)) == wanted])
        found += len(kept[-1])
        if found >= BLOCK:
            return concatenate(kept)[:BLOCK]
    raise UserError(
        f"this world has too few different quizzes for a {split!r} split; "
        f"make it larger or give it more tasks"
    )
