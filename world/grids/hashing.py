"""Hashes of quizzes and pairs that names of colours do not change, nor the order of the two halves.

Each colour contributes a mix of where it stands, in a sum that no renaming of colours changes;
exchanging the halves is undone by combining both readings symmetrically. No sorting, no search.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from world.core.hashing import mix, pair_hash

_KEY_SEED = 0x5EED
_KEY_BITS = 44
"""Sums of a few hundred 44-bit keys are exact in float64, which bincount adds in."""
_CHUNK = 128
"""Rows summed at once: few enough to stay in the processor's cache."""
_FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


def canonical_hash(halves: NDArray[np.uint8], colours: int) -> NDArray[np.uint64]:
    """uint64 [B] of cells uint8 [B, 2, M]: of a quiz, both pairs; of a pair, X and f(X).

    colours: number of colours. Raises ValueError when a cell has a value above it.
    """
    count, _, cells = halves.shape
    if halves.size and halves.max() > colours:
        raise ValueError(f"cells must be 0 .. {colours}, got {halves.max()}")
    sums = _key_sums(halves.reshape(2 * count, cells), colours + 1)
    p, q = sums.reshape(count, 2, colours + 1)[:, :, 1:].swapaxes(0, 1)
    one = mix(p * _FIRST + q * _SECOND).sum(axis=1, dtype=np.uint64)
    other = mix(q * _FIRST + p * _SECOND).sum(axis=1, dtype=np.uint64)
    return pair_hash(one, other)


def _key_sums(grids: NDArray[np.uint8], values: int) -> NDArray[np.uint64]:
    """uint64 [n, values]: for each of n rows [n, M], the sum of its cells' keys by value."""
    count, cells = grids.shape
    sums = np.empty((count, values), dtype=np.uint64)
    for start in range(0, count, _CHUNK):
        rows = grids[start : start + _CHUNK]
        # Cell by cell, not row by row: neighbouring additions then never wait for each other.
        slots = rows.T + np.arange(len(rows)) * values
        exact = np.bincount(slots.ravel(), _repeated(cells, len(rows)), len(rows) * values)
        sums[start : start + _CHUNK] = exact.reshape(len(rows), values)
    return sums


def _repeated(cells: int, rows: int) -> NDArray[np.float64]:
    return _chunk_keys(cells) if rows == _CHUNK else _keys(cells).repeat(rows)


@cache
def _chunk_keys(cells: int) -> NDArray[np.float64]:
    return _keys(cells).repeat(_CHUNK)


@cache
def _keys(cells: int) -> NDArray[np.float64]:
    rng = np.random.Generator(np.random.Philox(_KEY_SEED))
    return rng.integers(1 << _KEY_BITS, size=cells).astype(np.float64)
