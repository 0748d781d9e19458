"""How varied a round's kept quizzes are: what falls when culture collapses onto a few."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from culture_sim.culture.analysis.nearness import nearest
from world import QuizBatch, QuizWorld, Stream, concatenate
from world.core.world import TRAIN

NEAR = 36
"""Quizzes that differ in at most one token of so many, up to symmetries, are near-duplicates: 4 of
the 144 cells of four 6x6 grids."""


def near_tokens(world: QuizWorld) -> int:
    """In how many tokens near-duplicates may differ: one at least."""
    empty = world.draw(Stream(0, "near"), 0, 0, TRAIN)
    return max(1, world.symmetries(empty).readings.shape[2] // NEAR)


def near_duplicates(world: QuizWorld, kept: QuizBatch, earlier: QuizBatch | None) -> float | None:
    """Share of kept quizzes that are near-duplicates of another one, of this round or earlier.

    None where fewer than two quizzes are there to compare.
    """
    if not len(kept):
        return None
    itself = np.eye(len(kept), dtype=np.bool_)
    most = near_tokens(world)
    near = nearest(world, kept, kept, itself).distance <= most
    if earlier is not None and len(earlier):
        near |= nearest(world, kept, earlier).distance <= most
    elif len(kept) == 1:
        return None
    return float(near.mean())


def entropy(tokens: NDArray[np.unsignedinteger]) -> float | None:
    """Mean entropy of a token in bits: of the values that quizzes [B, M] have there.

    None without quizzes. Few quizzes give less, whatever they are: at most log2 of their number.
    """
    if not len(tokens):
        return None
    counts = np.stack([(tokens == value).sum(axis=0) for value in range(int(tokens.max()) + 1)])
    share = counts / len(tokens)
    return float(-(share * np.log2(np.where(share > 0, share, 1))).sum(axis=0).mean())


def diversity(
    world: QuizWorld, kept: QuizBatch, earlier: list[QuizBatch]
) -> dict[str, float | None]:
    """The figures of a round: ``near_duplicates`` and ``entropy`` of what it kept."""
    before = concatenate(earlier) if earlier else None
    return {
        "near_duplicates": near_duplicates(world, kept, before),
        "entropy": entropy(world.symmetries(kept).readings[:, 0]),
    }
