"""Quizzes for SAEs: one part trains them, another grades and compares them, disjoint by hash.

Both come from the world's "sae" split, which no agent was trained on. Within it the canonical
hash decides which part a quiz is in, so that no draw can put one quiz in both.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from world import QuizBatch, Stream, World, concatenate

QuizSource = Callable[[int, int], QuizBatch]
"""(start, count) -> quizzes start .. start + count of an endless series."""

CHUNK = 1024
"""Quizzes drawn at a time; about half fall in either part."""
SHARE = 384
"""Quizzes of one part taken from each chunk: below half by eight standard deviations."""


def training_source(world: World, stream: Stream) -> QuizSource:
    """World quizzes for training SAEs, in all answer structures."""
    return lambda start, count: _part(world, stream, start, count, held_out=False)


def held_out_quizzes(world: World, stream: Stream, count: int) -> QuizBatch:
    """World quizzes that no SAE and no agent was trained on, in all answer structures."""
    return _part(world, stream, 0, count, held_out=True)


def is_held_out(hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """bool [B]: which quizzes belong to the held-out part, by canonical hash."""
    return (hashes >> np.uint64(20)) % np.uint64(2) == 0


def in_answer_structures(world: World, batch: QuizBatch) -> QuizBatch:
    """The quizzes rewritten in the answer structures, in turn."""
    structures = np.array(world.answer_structures, dtype=np.uint8)
    return world.arrange(batch, structures[np.arange(len(batch)) % len(structures)])


def _part(world: World, stream: Stream, start: int, count: int, held_out: bool) -> QuizBatch:
    """Quizzes start .. start + count of one part; each chunk gives its first SHARE of it.

    A fixed yield per chunk makes the series index-addressed, as the world's own draws are.
    """
    first, last = start // SHARE, (start + max(count, 1) - 1) // SHARE
    chunks = [_chunk(world, stream, i, held_out) for i in range(first, last + 1)]
    offset = start - first * SHARE
    return concatenate(chunks)[offset : offset + count]


def _chunk(world: World, stream: Stream, index: int, held_out: bool) -> QuizBatch:
    batch = world.draw(stream, index * CHUNK, CHUNK, "sae")
    rows = np.flatnonzero(is_held_out(world.canonical_hash(batch)) == held_out)[:SHARE]
    if len(rows) < SHARE:
        part = "held-out" if held_out else "training"
        raise ValueError(
            f"only {len(rows)} of {CHUNK} quizzes are in the {part} part, {SHARE} are needed: "
            "the world has too few different quizzes"
        )
    return in_answer_structures(world, batch[rows])
