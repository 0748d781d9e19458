"""Exact Pearson correlation between all features of two sets of sparse codes.

Sums and products are accumulated in float64 over chunks of tokens, so memory does not grow
with the number of tokens. A feature that never varies has no correlation: it is NaN, not 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

CHUNK = 65536
"""Tokens whose product is formed at a time."""


@dataclass(frozen=True)
class FeatureMoments:
    """First and second moments of F features over N tokens.

    tokens: N. mean: float64 [F]. deviation: float64 [F], population standard deviation, NaN
    for features that do not vary. firings: int64 [F], tokens on which a feature is not zero.
    """

    tokens: int
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    firings: NDArray[np.int64]


def feature_moments(codes: sparse.csr_array, chunk: int = CHUNK) -> FeatureMoments:
    """Moments of sparse codes [N, F]. Raises ValueError on values that are not finite."""
    tokens, features = codes.shape
    if not np.isfinite(codes.data).all():
        raise ValueError("codes hold values that are not finite")
    total, squares = np.zeros(features), np.zeros(features)
    for start in range(0, tokens, chunk):
        part = codes[start : start + chunk].astype(np.float64)
        total += part.sum(axis=0)
        squares += part.multiply(part).sum(axis=0)
    mean = total / tokens
    # A constant feature is told by its extremes: its variance would be rounding noise, not 0.
    varies = codes.max(axis=0).toarray().ravel() != codes.min(axis=0).toarray().ravel()
    variance = np.where(varies, squares / tokens - mean**2, np.nan)
    deviation = np.sqrt(np.where(variance > 0, variance, np.nan))
    firings = np.bincount(codes.indices[codes.data != 0], minlength=features)
    return FeatureMoments(tokens, mean, deviation, firings)


def product(x: sparse.csr_array, y: sparse.csr_array, chunk: int = CHUNK) -> NDArray[np.float64]:
    """float64 [Fx, Fy]: sum over tokens of x times y, for codes [N, Fx] and [N, Fy]."""
    if x.shape[0] != y.shape[0]:
        raise ValueError(f"codes must cover the same tokens, got {x.shape[0]} and {y.shape[0]}")
    total = np.zeros((x.shape[1], y.shape[1]))
    for start in range(0, x.shape[0], chunk):
        left = x[start : start + chunk].astype(np.float64).T.tocsr()
        total += (left @ y[start : start + chunk].astype(np.float64)).toarray()
    return total


def correlation_of_moments(
    cross: NDArray[np.float64], x: FeatureMoments, y: FeatureMoments
) -> NDArray[np.float64]:
    """float64 [Fx, Fy]: Pearson's r from a sum of products and both sets of moments."""
    covariance = cross / x.tokens - np.outer(x.mean, y.mean)
    return np.clip(covariance / np.outer(x.deviation, y.deviation), -1.0, 1.0)


def pearson(x: sparse.csr_array, y: sparse.csr_array, chunk: int = CHUNK) -> NDArray[np.float64]:
    """float64 [Fx, Fy]: Pearson's r of every feature of x with every feature of y.

    Features that never vary are NaN. Moments are raw sums in float64, whose relative error
    is about 1e-16 (mean / deviation)^2: harmless for codes, which are mostly zero.
    """
    return correlation_of_moments(
        product(x, y, chunk), feature_moments(x, chunk), feature_moments(y, chunk)
    )
