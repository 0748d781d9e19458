"""Hashes of sequences that every machine computes alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)
_FACTORS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """uint64 of any shape, well mixed: the finaliser of splitmix64 (S. Vigna, 2015)."""
    x = x ^ (x >> _SHIFTS[0])
    x *= _FACTORS[0]
    x ^= x >> _SHIFTS[1]
    x *= _FACTORS[1]
    x ^= x >> _SHIFTS[2]
    return x


def pair_hash(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """uint64 [B] of two hashes [B] each, whichever comes first."""
    both = np.minimum(one, other) * _FIRST + np.maximum(one, other) * _SECOND
    return mix(both.astype(np.uint64))


def hash_rows(rows: NDArray[np.unsignedinteger]) -> NDArray[np.uint64]:
    """uint64 [B] of token rows [B, n]: equal rows have equal hashes, in any unsigned type."""
    total: NDArray[np.uint64] = np.zeros(len(rows), dtype=np.uint64)
    for column in np.ascontiguousarray(rows.T, dtype=np.uint64) + _FIRST:
        total = mix(total * _SECOND + column)
    return total
