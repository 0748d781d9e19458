"""Activations of features put in order, which is all that thresholds and AUROC ask for.

Work is per active entry, never per token and feature: where codes are zero they all tie.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Codes: TypeAlias = sparse.csr_array | NDArray[np.float32]
"""Activations [N, F], sparse or dense."""
BLOCK, ENTRIES = 128, 500_000
"""Features ranked at a time, and about how many of their entries, at most: this bounds memory."""


@dataclass(frozen=True)
class Ranking:
    """The n entries of F features on M rows that are not zero, each feature's from the highest.

    feature: int64 [n], ascending. row: int64 [n]. value: float32 [n]. first, last: int64 [n], the
    places within its feature, from 0, of the first and the last entry of the same value.
    """

    size: int
    rows: int
    feature: NDArray[np.int64]
    row: NDArray[np.int64]
    value: NDArray[np.float32]
    first: NDArray[np.int64]
    last: NDArray[np.int64]

    @property
    def bounds(self) -> NDArray[np.int64]:
        """int64 [F + 1]: where each feature's entries start."""
        return np.searchsorted(self.feature, np.arange(self.size + 1))

    def midranks(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Ranks among all M rows, 1 for the lowest, ties sharing their mean.

        float64 [n] of the entries, and float64 [F] of the zeros of each feature.
        """
        entries = np.diff(self.bounds)
        positive = np.bincount(self.feature[self.value > 0], minlength=self.size)
        zeros = self.rows - entries
        # Zeros stand after the positive entries and before the negative ones.
        passed = np.where(self.value < 0, zeros[self.feature], 0)
        of_entries = self.rows - (self.first + self.last) / 2 - passed
        return of_entries, self.rows - positive - (zeros - 1) / 2

    def counts_from(self, thresholds: NDArray[np.float32]) -> NDArray[np.int64]:
        """int64 [F, K]: entries of each feature at or above its positive thresholds [F, K]."""
        counts = np.zeros(thresholds.shape, dtype=np.int64)
        bounds = self.bounds
        for f, (start, stop) in enumerate(pairwise(bounds)):
            ascending = self.value[start:stop][::-1]
            counts[f] = stop - start - np.searchsorted(ascending, thresholds[f])
        return counts


def rank(codes: sparse.csc_array) -> Ranking:
    """The ranking of codes [M, F]."""
    rows, size = codes.shape
    feature = np.repeat(np.arange(size), np.diff(codes.indptr))
    shown = np.flatnonzero(codes.data)
    feature, row, value = feature[shown], codes.indices[shown], codes.data[shown].astype(np.float32)
    order = np.lexsort((-value, feature))
    feature, row, value = feature[order], row[order].astype(np.int64), value[order]
    starts = np.searchsorted(feature, np.arange(size))
    opens = np.ones(len(value), dtype=np.bool_)
    opens[1:] = (value[1:] != value[:-1]) | (feature[1:] != feature[:-1])
    run = np.cumsum(opens) - 1
    heads = np.flatnonzero(opens)
    tails = np.append(heads[1:], len(value)) - 1
    first, last = (ends[run] - starts[feature] for ends in (heads, tails))
    return Ranking(size, rows, feature, row, value, first, last)


def block_size(codes: Codes) -> int:
    """How many features of codes [N, F] to rank at a time."""
    entries = codes.nnz if isinstance(codes, sparse.csr_array) else codes.size
    return int(np.clip(ENTRIES * codes.shape[1] // max(entries, 1), 1, BLOCK))


def blocks(codes: Codes, rows: NDArray[np.int64], size: int) -> Iterator[sparse.csc_array]:
    """Some rows of codes, ``size`` features at a time."""
    held = codes[rows].tocsc() if isinstance(codes, sparse.csr_array) else None
    for start in range(0, codes.shape[1], size):
        block = slice(start, start + size)
        yield sparse.csc_array(codes[rows, block]) if held is None else held[:, block]
