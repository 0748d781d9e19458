"""Which part of one network corresponds to which of another, given their profiles."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Shares = Float[NDArray[np.float64], "..."]
"""Profiles of some parts, one a row, each of any shape."""


def assign(a: Shares, b: Shares) -> Int[NDArray[np.int64], " P"]:
    """The part of ``b`` for each of ``a``, one to one, with the highest sum of inner products.

    Among all one-to-one maps this one has the least squared distance between the profiles, since
    their lengths are given (J. Munkres, "Algorithms for the assignment and transportation
    problems", 1957; in scipy). -1 for parts of ``a`` left over.
    """
    found = np.full(len(a), -1, dtype=np.int64)
    rows, columns = linear_sum_assignment(_products(a, b), maximize=True)
    found[rows] = columns
    return found


def _products(a: Shares, b: Shares) -> Float[NDArray[np.float64], "P Q"]:
    return np.asarray(a.reshape(len(a), -1) @ b.reshape(len(b), -1).T)


def cosine(a: Shares, b: Shares, matched: Int[NDArray[np.int64], " P"]) -> float:
    """Of all profiles of ``a``, one behind the other, with those matched to them.

    1 where all matched parts do the same to the same extent, but for one factor common to all. A
    part counts by the size of its effects, so that parts that do nothing decide nothing.
    """
    rows = np.flatnonzero(matched >= 0)
    product = float((a[rows] * b[matched[rows]]).sum())
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    return product / float(lengths) if lengths else 0.0


def cosines(
    a: Shares, b: Shares, matched: Int[NDArray[np.int64], " P"]
) -> Float[NDArray[np.float64], " P"]:
    """Of every part of ``a`` with that matched to it; 0 where either does nothing, or none is."""
    one, other = a.reshape(len(a), -1), b[np.maximum(matched, 0)].reshape(len(a), -1)
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    product = (one * other).sum(axis=1)
    found = np.divide(product, lengths, out=np.zeros(len(a)), where=lengths > 0)
    return np.asarray(np.where(matched >= 0, found, 0.0))


def best_cosine(a: Shares, b: Shares) -> float:
    """``cosine`` under the best assignment."""
    return cosine(a, b, assign(a, b))
