"""Rows on the disk as a comparison takes them: cells, documents and permutations by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sae.streamed.spool import Store


@dataclass(frozen=True)
class BlockRows:
    """n rows of whole cells, with what a null that permutes within cells asks for.

    strata: int64 [n], a number for each cell. target: int64 [n], the next token, -1 for none.
    quiz: int64 [n], the group of documents that a row is of.
    """

    strata: NDArray[np.int64]
    target: NDArray[np.int64]
    quiz: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.strata)


class StoredSplit:
    """The rows of one split. A group of documents stands where agents' comparisons have a quiz."""

    def __init__(self, store: Store, evaluation: bool) -> None:
        self._store, self._evaluation = store, evaluation
        own = store.units[store.evaluation == evaluation]
        distinct, index = np.unique(own, return_inverse=True)
        self.quizzes = len(distinct)
        self.source = np.arange(self.quizzes)
        self._unit = np.full(len(store.documents), -1, dtype=np.int64)
        self._unit[store.evaluation == evaluation] = index

    def __len__(self) -> int:
        return self._rows

    @cached_property
    def _rows(self) -> int:
        return sum(map(len, self.blocks()))

    def blocks(self) -> Iterator[BlockRows]:
        """Block by block, in the order of the codes."""
        for block in self._store.blocks(self._evaluation):
            rows = self._store.rows(block)
            _, strata = np.unique(rows["cell"], return_inverse=True)
            yield BlockRows(strata, rows["target"], self._unit[rows["document"]])

    @property
    def quiz(self) -> Units:
        """The group of each row, int64, block by block, as often as there is need."""
        return Units(self)

    def ordered(
        self,
        order: Callable[[Any, np.random.Generator], NDArray[np.int64]],
        rng: np.random.Generator,
    ) -> BlockOrders:
        """The order that a null draws, block by block."""
        return BlockOrders(self, order, int(rng.integers(2**63)))


@dataclass(frozen=True)
class Units:
    """The group of documents of every row, block by block."""

    rows: StoredSplit

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        return (block.quiz for block in self.rows.blocks())


@dataclass(frozen=True)
class BlockOrders:
    """A permutation of rows, int64 block by block, drawn anew whenever it is gone through.

    order: that of a null. seed: of the draw.
    """

    rows: StoredSplit
    order: Callable[[Any, np.random.Generator], NDArray[np.int64]]
    seed: int

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        for number, block in enumerate(self.rows.blocks()):
            yield self.order(block, np.random.default_rng((self.seed, number)))


class StoredRows:
    """All rows of a store, as ``compare_features`` takes them."""

    def __init__(self, store: Store) -> None:
        self.splits = StoredSplits(StoredSplit(store, False), StoredSplit(store, True))
        self.quizzes = len(store.documents)

    def __len__(self) -> int:
        return sum(map(len, (self.splits.selection, self.splits.evaluation)))


@dataclass(frozen=True)
class StoredSplits:
    """Rows of the documents on which matches are chosen, and on which they are reported."""

    selection: StoredSplit
    evaluation: StoredSplit
