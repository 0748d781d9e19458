"""The batch type that every package passes around: token sequences and what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNKNOWN_TASK = -1


@dataclass(frozen=True)
class QuizBatch:
    """B quizzes written as T tokens each.

    tokens: [B, T], of an unsigned type: ``World.token_dtype``.
    layout: uint8 [B], index into ``World.layouts``: the order in which its pieces are written.
    task: int16 [B], index into ``World.tasks``, or UNKNOWN_TASK for a quiz that an agent made.
    regions: int8 [B, T] or None, the generator's own truth: k + 1 for a token of its object k, 0
        for those of none. None for quizzes that no generator drew.
    """

    tokens: NDArray[np.unsignedinteger]
    layout: NDArray[np.uint8]
    task: NDArray[np.int16]
    regions: NDArray[np.int8] | None = None

    def __post_init__(self) -> None:
        if self.tokens.ndim != 2 or self.tokens.dtype.kind != "u":
            got = f"{self.tokens.dtype} {list(self.tokens.shape)}"
            raise ValueError(f"tokens must be unsigned [B, T], got {got}")
        size = len(self.tokens)
        for field, dtype in (("layout", np.uint8), ("task", np.int16)):
            array = getattr(self, field)
            if array.shape != (size,) or array.dtype != dtype:
                expected = f"{np.dtype(dtype).name} [{size}]"
                got = f"{array.dtype} {list(array.shape)}"
                raise ValueError(f"{field} must be {expected} like tokens, got {got}")
        if self.regions is not None and self.regions.shape != self.tokens.shape:
            raise ValueError(
                f"regions must have the shape of tokens {list(self.tokens.shape)}, "
                f"got {list(self.regions.shape)}"
            )

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, index: slice | NDArray[np.bool_] | NDArray[np.int64]) -> QuizBatch:
        """A batch of the chosen rows; ``index`` is a slice, a mask or an array of indices."""
        regions = None if self.regions is None else self.regions[index]
        return QuizBatch(self.tokens[index], self.layout[index], self.task[index], regions)


def concatenate(batches: Sequence[QuizBatch]) -> QuizBatch:
    """One batch of all rows, in order; regions are kept only where every batch has them."""
    regions = [b.regions for b in batches if b.regions is not None]
    return QuizBatch(
        np.concatenate([b.tokens for b in batches]),
        np.concatenate([b.layout for b in batches]),
        np.concatenate([b.task for b in batches]),
        np.concatenate(regions) if len(regions) == len(batches) else None,
    )
