"""Every feature's best match among another's, without ever holding all their correlations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from sae.matching.correlation import Codes, Tile
from sae.matching.dense import dense_products
from sae.matching.kernels import best_of_tile

DENSE = 0.05
"""Share of products that are not zero above which a processor forms all of them."""


class Best(NamedTuple):
    """Of each of C features the column of its best match and its r, and the same of the next best.

    int64 [C], -1 where there is none, and float64 [C].
    """

    column: NDArray[np.int64]
    r: NDArray[np.float64]
    second: NDArray[np.int64]
    second_r: NDArray[np.float64]


def search(x: Codes, y: Codes) -> tuple[Best, Best]:
    """The best match in y of every feature of x, and in x of every feature of y.

    Memory does not grow with the number of tokens beyond the codes themselves.
    """
    rows, columns = _nothing_yet(x.size), _nothing_yet(y.size)
    products = _products(x, y)
    ours = x.moments.mean, 1 / x.moments.deviation
    theirs = y.moments.mean, 1 / y.moments.deviation
    for i, j, tile in products:
        best_of_tile(tile, x.moments.tokens, *ours, *theirs, i, j, tuple(rows), tuple(columns))
    return _clipped(rows), _clipped(columns)


def _products(x: Codes, y: Codes) -> Iterator[Tile]:
    """Sums of products, tile by tile: dense where that is faster, sparse elsewhere.

    A GPU is faster with dense tiles whatever the density; a processor is when most products are
    not zero. Codes on the disk decide for themselves, since they are to be read but a few times.
    """
    if x.in_blocks:
        return x.products(y)
    if torch.cuda.is_available():
        return dense_products(x, y, "cuda")
    if x.density * y.density > DENSE:
        return dense_products(x, y, "cpu")
    return x.products(y)


def _nothing_yet(size: int) -> Best:
    """Before any tile is seen."""
    none, lowest = np.full(size, -1, dtype=np.int64), np.full(size, -np.inf)
    return Best(none, lowest, none.copy(), lowest.copy())


def _clipped(best: Best) -> Best:
    r, second_r = (
        np.where(column >= 0, np.clip(r, -1.0, 1.0), np.nan)
        for column, r in ((best.column, best.r), (best.second, best.second_r))
    )
    return best._replace(r=r, second_r=second_r)
