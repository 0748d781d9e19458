"""Every feature's best match among another's, without ever holding all their correlations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from sae.matching.correlation import Codes, paired_correlation, tile_products
from sae.matching.dense import dense_products
from sae.matching.features import Features
from sae.matching.kernels import best_of_tile

DENSE = 0.05
"""Share of products that are not zero above which a processor forms all of them."""

Best = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]
"""Of each of F features the best match so far, its r, the next best, and its r."""


@dataclass(frozen=True)
class Found:
    """The best match of each of F features. feature: int64 [F], -1 for none. r: float64 [F], NaN
    for none. second: int64 [F], the next best, -1 where there is none or none was looked for."""

    feature: NDArray[np.int64]
    r: NDArray[np.float64]
    second: NDArray[np.int64]


def search(x: Codes, y: Codes) -> tuple[Found, Found]:
    """The best match in y of every feature of x, and in x of every feature of y.

    Memory does not grow with the number of tokens beyond the codes themselves.
    """
    rows, columns = _nothing_yet(x.size), _nothing_yet(y.size)
    products = _products(x, y)
    ours = x.moments.mean, 1 / x.moments.deviation
    theirs = y.moments.mean, 1 / y.moments.deviation
    for i, j, tile in products:
        best_of_tile(tile, x.moments.tokens, *ours, *theirs, i, j, rows, columns)
    return _found(rows), _found(columns)


def _products(x: Codes, y: Codes) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
    """Sums of products, tile by tile: dense where that is faster, sparse elsewhere.

    A GPU is faster with dense tiles whatever the density; a processor is when most products are
    not zero.
    """
    if torch.cuda.is_available():
        return dense_products(x, y, "cuda")
    if x.density * y.density > DENSE:
        return dense_products(x, y, "cpu")
    return tile_products(x, y)


@dataclass(frozen=True)
class Matched:
    """Matches of C features: ``found`` on the choosing half, with their r on the reported half,
    float64 [C], NaN for none. Choosing on other quizzes keeps the best of many from flattering."""

    found: Found
    r: NDArray[np.float64]


def match_both_ways(a: Features, b: Features) -> tuple[Matched, Matched]:
    """The features of a looked for in b, and those of b in a."""
    forward, backward = search(a.choosing, b.choosing)
    r = paired_correlation(a.reported, b.reported, forward.feature)
    return (
        Matched(forward, r),
        Matched(backward, paired_correlation(b.reported, a.reported, backward.feature)),
    )


def _nothing_yet(size: int) -> Best:
    """Before any tile is seen."""
    none, lowest = np.full(size, -1, dtype=np.int64), np.full(size, -np.inf)
    return none, lowest, none.copy(), lowest.copy()


def _found(best: Best) -> Found:
    feature, r, second, _ = best
    return Found(feature, np.where(feature >= 0, np.clip(r, -1.0, 1.0), np.nan), second)
