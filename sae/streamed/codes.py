"""Codes on the disk as a comparison takes them: their moments, blocks and products."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import repeat
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from sae.matching.correlation import TILE, Codes, FeatureMoments, MomentSums, Tile, arrays
from sae.matching.dense import ROWS, WIDTH, dense_rows
from sae.matching.features import Features
from sae.matching.kernels import add_products
from sae.matching.search import DENSE
from sae.streamed.spool import Store

SUMS = 1 << 26
"""Sums of products in float64 that are held at a time, 512 MiB; for more, rows are read again."""


class StoredCodes(Codes):
    """Codes of C features on the rows of one split, read from the disk whenever they are asked for.

    columns: int32 [F], the column of each of the dictionary's F features, -1 for one that is left
    out. order: a permutation of rows block by block, None for the rows as they are.
    """

    _given: tuple[Store, int, bool, NDArray[np.int32]]
    _order: Iterable[NDArray[np.int64]] | None
    in_blocks: ClassVar[bool] = True
    at_once: ClassVar[int] = 1 << 14

    def __init__(
        self,
        store: Store,
        dictionary: int,
        evaluation: bool,
        columns: NDArray[np.int32],
        moments: FeatureMoments,
        order: Iterable[NDArray[np.int64]] | None = None,
    ) -> None:
        # Frozen, as what it extends.
        object.__setattr__(self, "moments", moments)
        object.__setattr__(self, "_given", (store, dictionary, evaluation, columns))
        object.__setattr__(self, "_order", order)

    def __repr__(self) -> str:
        return f"StoredCodes({self.moments.tokens} tokens, {self.size} features)"

    @property
    def values(self) -> sparse.csr_array:
        """All rows at once, [N, C], in memory."""
        return sparse.vstack(list(self.blocks()), format="csr")

    def blocks(self) -> Iterator[sparse.csr_array]:
        """The values, block by block."""
        store, dictionary, evaluation, columns = self._given
        orders = repeat(None) if self._order is None else iter(self._order)
        for block, order in zip(store.blocks(evaluation), orders, strict=False):
            codes = _chosen(store.codes(dictionary, block), columns, self.size)
            yield codes if order is None else codes[order]

    def permuted(self, order: Any) -> Codes:
        """The same codes with rows in another order, given block by block."""
        return StoredCodes(*self._given, self.moments, order)

    def products(self, other: Codes) -> Iterator[Tile]:
        """Sums over tokens of these times the other's, tile by tile.

        As many tiles are formed at a time as fit into ``SUMS``; for the next, all is read again. On
        a GPU, and of dense codes, they are products of dense matrices.
        """
        device = "cuda" if torch.cuda.is_available() else "cpu"
        dense = device == "cuda" or self.density * other.density > DENSE
        width = WIDTH if dense else TILE
        columns = range(0, other.size, width)
        some = max(1, SUMS // max(other.size, 1) // width) * width
        for first in range(0, self.size, some):
            strip = range(first, min(first + some, self.size), width)
            shapes = {
                (i, j): (min(width, self.size - i), min(width, other.size - j))
                for i in strip
                for j in columns
            }
            blocks = zip(self.blocks(), other.blocks(), strict=True)
            tiles = _dense(blocks, shapes, device) if dense else _sparse(blocks, shapes)
            yield from ((i, j, tile) for (i, j), tile in tiles.items())


Blocks = Iterable[tuple[sparse.csr_array, sparse.csr_array]]
Shapes = dict[tuple[int, int], tuple[int, int]]
"""By the first feature of either side, how many features of either a tile has."""
Tiles = dict[tuple[int, int], NDArray[np.float64]]


def _sparse(blocks: Blocks, shapes: Shapes) -> Tiles:
    tiles = {place: np.zeros(shape) for place, shape in shapes.items()}
    for x, y in blocks:
        left = _cut(x, sorted({i for i, _ in shapes}))
        right = _cut(y, sorted({j for _, j in shapes}))
        for (i, j), tile in tiles.items():
            add_products(*arrays(left[i]), *arrays(right[j]), tile)
    return tiles


def _cut(values: sparse.csr_array, starts: Sequence[int]) -> dict[int, sparse.csr_array]:
    """The columns from each start on, TILE of them."""
    if values.shape[1] <= TILE:
        return {0: values}
    columns = values.tocsc()
    return {start: columns[:, start : start + TILE].tocsr() for start in starts}


@torch.no_grad()
def _dense(blocks: Blocks, shapes: Shapes, device: str) -> Tiles:
    """Products of ROWS tokens are formed in float32 and added in float64, as ``dense_products``."""
    tiles = {
        place: torch.zeros(shape, dtype=torch.float64, device=device)
        for place, shape in shapes.items()
    }
    for x, y in blocks:
        for start in range(0, x.shape[0], ROWS):
            some = slice(start, start + ROWS)
            left = {i: dense_rows(x[some], i, device).T for i in {i for i, _ in shapes}}
            for j in sorted({j for _, j in shapes}):
                right = dense_rows(y[some], j, device)
                for i, rows in left.items():
                    tiles[i, j] += (rows @ right).double()
    return {place: tile.cpu().numpy() for place, tile in tiles.items()}


def _chosen(codes: sparse.csr_array, columns: NDArray[np.int32], size: int) -> sparse.csr_array:
    """Codes [n, F] of the features that have a column, [n, C]."""
    if size == codes.shape[1]:
        return codes
    column = columns[codes.indices]
    kept = column >= 0
    start = np.concatenate([[0], np.cumsum(kept)])[codes.indptr].astype(np.int32)
    return sparse.csr_array((codes.data[kept], column[kept], start), shape=(codes.shape[0], size))


def stored_features(store: Store, dictionary: int, min_firings: int) -> Features:
    """The features of a dictionary that fire on ``min_firings`` tokens of either split and vary, as
    ``select_features`` gives them of codes in memory."""
    width = store.widths[dictionary]
    moments = []
    for evaluation in (False, True):
        sums = MomentSums(width)
        for block in store.blocks(evaluation):
            sums.add(store.codes(dictionary, block))
        moments.append(sums.moments())
    often = [(m.firings >= min_firings) & np.isfinite(m.deviation) for m in moments]
    index = np.flatnonzero(often[0] & often[1])
    columns = np.full(width, -1, dtype=np.int32)
    columns[index] = np.arange(len(index))
    codes = [
        StoredCodes(store, dictionary, bool(split), columns, _of_some(m, index))
        for split, m in enumerate(moments)
    ]
    return Features(index, moments[0].firings + moments[1].firings, codes[0], codes[1])


def _of_some(moments: FeatureMoments, index: NDArray[np.int64]) -> FeatureMoments:
    return replace(
        moments,
        mean=moments.mean[index],
        deviation=moments.deviation[index],
        firings=moments.firings[index],
    )
