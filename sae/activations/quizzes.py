"""Quizzes for SAEs: one part trains them, another grades and compares them, disjoint by hash.

Both come from the world's "sae" split, which no agent was trained on. Within it the canonical
hash decides which part a quiz is in, so that no draw can put one quiz in both.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from world import QuizBatch, Stream, World, concatenate
from world.core.errors import UserError

QuizSource = Callable[[int, int], QuizBatch]
"""(start, count) -> quizzes start .. start + count of an endless series."""

CHUNK = 1024
"""Quizzes drawn from the world at a time; about half fall in either part."""
SHARE = 448
"""Quizzes in a piece of a part: nearly always found in one chunk."""
TRIES = 64
"""Chunks drawn for a piece before the part is held to be empty."""


def training_source(world: World, stream: Stream) -> QuizSource:
    """World quizzes for training SAEs, in all answer layouts."""
    return lambda start, count: _part(world, stream, start, count, held_out=False)


def held_out_quizzes(world: World, stream: Stream, count: int) -> QuizBatch:
    """World quizzes that no SAE and no agent was trained on, in all answer layouts."""
    return _part(world, stream, 0, count, held_out=True)


def is_held_out(hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """bool [B]: which quizzes belong to the held-out part, by canonical hash."""
    return (hashes >> np.uint64(20)) % np.uint64(2) == 0


def in_evaluation_split(hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """bool [B]: which held-out quizzes figures are reported on, by canonical hash; on the others,
    about as many, everything that is chosen is chosen."""
    return (hashes >> np.uint64(21)) % np.uint64(2) == 0


def _part(world: World, stream: Stream, start: int, count: int, held_out: bool) -> QuizBatch:
    """Quizzes start .. start + count of one part, cut from whole pieces of SHARE quizzes.

    Every piece has a stream of its own, so the series is index-addressed as the world's are.
    """
    first, last = start // SHARE, (start + max(count, 1) - 1) // SHARE
    pieces = [_piece(world, stream, i, held_out) for i in range(first, last + 1)]
    offset = start - first * SHARE
    drawn = concatenate(pieces)[offset : offset + count]
    return world.for_exam(drawn, start)


def _piece(world: World, stream: Stream, index: int, held_out: bool) -> QuizBatch:
    own, kept, found = stream.with_role(f"{stream.role}/piece-{index}"), [], 0
    for attempt in range(TRIES):
        batch = world.draw(own, attempt * CHUNK, CHUNK, "sae")
        kept.append(batch[is_held_out(world.canonical_hash(batch)) == held_out])
        found += len(kept[-1])
        if found >= SHARE:
            return concatenate(kept)[:SHARE]
    part = "held-out" if held_out else "training"
    raise UserError(
        f"this world has too few different quizzes: {found} of {TRIES * CHUNK} are for the "
        f"{part} part of SAE data; make it larger or give it more tasks"
    )
