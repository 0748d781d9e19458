"""Exact Pearson correlation between all features of two sets of sparse codes.

Codes come in blocks of rows: those in memory in one, those on the disk (``sae.streamed``) in many.
Sums and products are accumulated in float64. A feature that never varies has no correlation:
it is NaN, not 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sae.matching.kernels import add_moments, add_pairs, add_products

TILE = 512
"""Features whose products are formed at a time: 512 x 512 sums in float64 take 2 MiB."""
Labels = Iterable[NDArray[np.int64]]
"""A number for each row, block by block; to be gone through as often as there is need."""
Tile = tuple[int, int, NDArray[np.float64]]
"""First feature of x, first of y, and sums of products [w, v] of these and those after them."""


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


@dataclass(frozen=True, eq=False)
class Codes:
    """Codes of F features on N tokens. values: float32 or float64 [N, F]. moments: theirs.

    Codes equal only themselves, so that what is formed of them may be kept by them.
    """

    values: sparse.csr_array
    moments: FeatureMoments

    in_blocks: ClassVar[bool] = False
    """Whether rows are read anew for all that is done with them."""
    at_once: ClassVar[int] = 1024
    """Features whose sums by group of rows, which are dense, are formed at a time."""

    def blocks(self) -> Iterator[sparse.csr_array]:
        """The values, some rows at a time; other codes of the same tokens are cut alike."""
        yield self.values

    def products(self, other: Codes) -> Iterator[Tile]:
        """Sums over tokens of these times the other's, tile by tile."""
        return tile_products(self, other)

    @cached_property
    def tiles(self) -> tuple[sparse.csr_array, ...]:
        """The values cut into tiles of features, [N, <= TILE] each."""
        if self.size <= TILE:
            return (self.values,)
        columns = self.values.tocsc()
        return tuple(
            columns[:, first : first + TILE].tocsr() for first in range(0, self.size, TILE)
        )

    @cached_property
    def covariance(self) -> NDArray[np.float64]:
        """float64 [F, F]: of the features with each other; kept, so ask only where F is small."""
        return code_covariance(self, self)

    @property
    def size(self) -> int:
        """F."""
        return len(self.moments.firings)

    @property
    def density(self) -> float:
        """Share of values that are not zero."""
        return int(self.moments.firings.sum()) / max(self.moments.tokens * self.size, 1)

    def permuted(self, order: Any) -> Codes:
        """The same codes with rows in another order, a permutation int64 [N]."""
        permuted = Codes(self.values[order], self.moments)
        if len(self.tiles) > 1:
            # Reordering the tiles costs far less than cutting them again.
            permuted.__dict__["tiles"] = tuple(tile[order] for tile in self.tiles)
        return permuted

    def taken(self, features: NDArray[np.int64]) -> Codes:
        """The codes of some of the features, without a copy where these are all."""
        if np.array_equal(features, np.arange(self.size)):
            return self
        m = self.moments
        chosen = FeatureMoments(
            m.tokens, m.mean[features], m.deviation[features], m.firings[features]
        )
        return Codes(self.values[:, features].tocsr(), chosen)


def make_codes(values: sparse.csr_array) -> Codes:
    """Codes [N, F] with their moments. Raises ValueError on values that are not finite."""
    values.sum_duplicates()
    return Codes(values, feature_moments(values))


def arrays(codes: sparse.csr_array) -> tuple[NDArray[np.integer], ...]:
    """The three arrays of a CSR matrix, as kernels take them."""
    return codes.indptr, codes.indices, codes.data


def feature_moments(codes: sparse.csr_array) -> FeatureMoments:
    """Moments of sparse codes [N, F]. Raises ValueError on values that are not finite."""
    features = codes.shape[1]
    if not np.isfinite(codes.data).all():
        raise ValueError("codes hold values that are not finite")
    sums = MomentSums(features)
    sums.add(codes)
    return sums.moments()


class MomentSums:
    """What moments of F features follow from, block by block."""

    def __init__(self, features: int) -> None:
        self._tokens = 0
        self._total, self._squares = np.zeros(features), np.zeros(features)
        self._firings = np.zeros(features, dtype=np.int64)
        self._high, self._low = np.full(features, -np.inf), np.full(features, np.inf)

    def add(self, codes: sparse.csr_array) -> None:
        """Some more rows, codes [n, F]."""
        if not codes.shape[0]:
            return
        total, squares = grouped_moments(codes, np.zeros(codes.shape[0], dtype=np.int64), 1)
        self._total += total[0]
        self._squares += squares[0]
        self._high = np.maximum(self._high, codes.max(axis=0).toarray().ravel())
        self._low = np.minimum(self._low, codes.min(axis=0).toarray().ravel())
        self._firings += np.bincount(codes.indices[codes.data != 0], minlength=len(self._total))
        self._tokens += codes.shape[0]

    def moments(self) -> FeatureMoments:
        """Of all rows."""
        tokens = max(self._tokens, 1)
        mean = self._total / tokens
        # A constant feature is told by its extremes: its variance would be rounding noise, not 0.
        varies = self._high > self._low
        variance = np.where(varies, self._squares / tokens - mean**2, np.nan)
        deviation = np.sqrt(np.where(variance > 0, variance, np.nan))
        return FeatureMoments(self._tokens, mean, deviation, self._firings)


def grouped_moments(
    codes: sparse.csr_array, group: NDArray[np.int64], groups: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums and sums of squares, float64 [G, F] each, of codes [N, F] over rows by group [N]."""
    total, squares = np.zeros((groups, codes.shape[1])), np.zeros((groups, codes.shape[1]))
    add_moments(*arrays(codes), group, total, squares)
    return total, squares


def grouped_products(
    x: sparse.csr_array,
    y: sparse.csr_array,
    match: NDArray[np.int64],
    group: NDArray[np.int64],
    groups: int,
) -> NDArray[np.float64]:
    """float64 [G, Fx]: sums over rows by group [N] of each feature of x times its match in y.

    match: int64 [Fx], -1 for none, whose sums are 0. Raises ValueError for codes of other rows.
    """
    _same_tokens(x, y)
    total = np.zeros((groups, x.shape[1]))
    add_pairs(*arrays(x), *arrays(y), match, group, y.shape[1], total)
    return total


def matched_products(x: Codes, y: Codes, match: NDArray[np.int64]) -> NDArray[np.float64]:
    """float64 [Fx]: sum over tokens of each feature of x times its match in y, 0 for -1."""
    total = np.zeros((1, x.size))
    for ours, theirs in zip(x.blocks(), y.blocks(), strict=True):
        one = np.zeros(ours.shape[0], dtype=np.int64)
        total += grouped_products(ours, theirs, match, one, 1)
    return np.asarray(total[0])


def tile_products(x: Codes, y: Codes) -> Iterator[Tile]:
    """Sums of products of codes in memory, tile by tile."""
    _same_tokens(x.values, y.values)
    for i, left in enumerate(x.tiles):
        for j, right in enumerate(y.tiles):
            total = np.zeros((left.shape[1], right.shape[1]))
            add_products(*arrays(left), *arrays(right), total)
            yield i * TILE, j * TILE, total


def product(x: Codes, y: Codes) -> NDArray[np.float64]:
    """float64 [Fx, Fy]: sum over tokens of x times y."""
    total = np.empty((x.size, y.size))
    for i, j, tile in x.products(y):
        total[i : i + tile.shape[0], j : j + tile.shape[1]] = tile
    return total


def code_covariance(x: Codes, y: Codes) -> NDArray[np.float64]:
    """float64 [Fx, Fy]: covariance of every feature of x with every feature of y."""
    return product(x, y) / x.moments.tokens - np.outer(x.moments.mean, y.moments.mean)


def correlation(x: Codes, y: Codes) -> NDArray[np.float64]:
    """float64 [Fx, Fy]: Pearson's r of every feature of x with every feature of y."""
    scale = np.outer(x.moments.deviation, y.moments.deviation)
    return np.clip(code_covariance(x, y) / scale, -1.0, 1.0)


def paired_correlation(x: Codes, y: Codes, match: NDArray[np.int64]) -> NDArray[np.float64]:
    """float64 [Fx]: r of each feature of x with its match [Fx] in y; NaN for -1."""
    tokens = x.moments.tokens
    sums = matched_products(x, y, match)
    mean = np.append(y.moments.mean, np.nan)[match]
    deviation = np.append(y.moments.deviation, np.nan)[match]
    covariance = sums / tokens - x.moments.mean * mean
    return np.clip(covariance / (x.moments.deviation * deviation), -1.0, 1.0)


def pearson(x: sparse.csr_array, y: sparse.csr_array) -> NDArray[np.float64]:
    """float64 [Fx, Fy]: Pearson's r between the columns of codes [N, Fx] and [N, Fy].

    Columns that never vary are NaN. Moments are raw sums in float64, whose relative error is
    about 1e-16 (mean / deviation)^2: harmless for codes, which are mostly zero.
    """
    return correlation(make_codes(x), make_codes(y))


def _same_tokens(x: sparse.csr_array, y: sparse.csr_array) -> None:
    if x.shape[0] != y.shape[0]:
        raise ValueError(f"codes must cover the same tokens, got {x.shape[0]} and {y.shape[0]}")
