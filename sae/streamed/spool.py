"""Codes of many tokens on the disk: written in the order of texts, read in the order of cells.

Rows are gathered until they fill a chunk. A chunk is sorted by a key before it is written, so that
the rows between two keys lie beside each other in every chunk, and a block, all rows between two
keys, is read from each in one piece. The key begins with the split and a hash of the null's cell,
so that a block is made of whole cells. A cell too large for a block is cut by a hash of the
document: its rows are then permuted within random parts of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from world.core.errors import UserError
from world.core.hashing import mix

ROWS = 1 << 16
"""Rows of a chunk, and of a block, at the most."""
BYTES = 1 << 26
"""Bytes of the codes of one dictionary in a chunk or a block, about."""
UNITS = 512
"""Groups of documents at the most: they are resampled, and tested, as if each were one."""
CELL_BITS, DOCUMENT_BITS = 16, 47
ROW = np.dtype([("row", "<i8"), ("document", "<i4"), ("cell", "<u8"), ("target", "<i8")])
"""What is known of a row: its place among all tokens, its document, cell and next token."""


class Batch(NamedTuple):
    """Some rows in the order of the text.

    rows: [n] of ``ROW``. codes: of each dictionary, float32 [n, F].
    """

    rows: NDArray[np.void]
    codes: Sequence[sparse.csr_array]


class Spool:
    """Rows on their way to the disk."""

    def __init__(self, folder: Path, widths: Sequence[int]) -> None:
        """folder: empty, for nothing else. widths: F of each dictionary."""
        self._folder, self._widths = folder, tuple(widths)
        self._waiting: list[Batch] = []
        self._chunks = self._entries = 0
        self._counts = np.zeros(2 << CELL_BITS, dtype=np.int64)
        self._documents = np.zeros(0, dtype=np.uint64)

    def add_documents(self, hashes: NDArray[np.uint64]) -> None:
        """Hashes uint64 [D] of what further documents hold; they are numbered as they come."""
        self._documents = np.concatenate([self._documents, mix(hashes)])

    def add(self, batch: Batch) -> None:
        """Some rows of documents that were added. Raises ValueError for codes of other shapes."""
        for width, codes in zip(self._widths, batch.codes, strict=True):
            if codes.shape != (len(batch.rows), width):
                expected = (len(batch.rows), width)
                raise ValueError(f"codes must be of shape {expected}, got {codes.shape}")
        self._waiting.append(batch)
        rows = sum(len(each.rows) for each in self._waiting)
        entries = sum(max(c.nnz for c in each.codes) for each in self._waiting)
        if rows >= ROWS or 8 * entries >= BYTES:
            self._flush()

    def finish(self) -> Store:
        """All rows, ready to be read. Raises UserError where a split has none."""
        self._flush()
        counts = self._counts.reshape(2, -1)
        if not counts.sum(axis=1).all():
            different = len(np.unique(self._documents))
            raise UserError(
                f"too few different documents ({different:,}, with {counts.sum():,} tokens to "
                "compare): matches are chosen on one half of the documents and graded on the "
                "other; give more, or shorter ones"
            )
        of_row = max(8 * self._entries // int(counts.sum()), 8)
        most = max(min(ROWS, BYTES // of_row), 1)
        starts, first_evaluation = _starts(counts, most)
        return Store(
            self._folder, self._widths, self._chunks, starts, first_evaluation, self._documents
        )

    def _flush(self) -> None:
        if not self._waiting:
            return
        rows = np.concatenate([each.rows for each in self._waiting])
        keys = self._keys(rows)
        order = np.argsort(keys, kind="stable")
        here = self._folder / str(self._chunks)
        rows[order].tofile(f"{here}.rows")
        keys[order].tofile(f"{here}.keys")
        for k in range(len(self._widths)):
            parts = [each.codes[k] for each in self._waiting]
            codes = sparse.vstack(parts, format="csr")[order]
            codes.indptr.astype(np.int64).tofile(f"{here}.{k}.start")
            codes.indices.astype(np.int32).tofile(f"{here}.{k}.feature")
            codes.data.astype(np.float32).tofile(f"{here}.{k}.value")
        self._entries += max(
            sum(each.codes[k].nnz for each in self._waiting) for k in range(len(self._widths))
        )
        self._counts += np.bincount(
            (keys >> np.uint64(DOCUMENT_BITS)).astype(np.int64), minlength=len(self._counts)
        )
        self._waiting.clear()
        self._chunks += 1

    def _keys(self, rows: NDArray[np.void]) -> NDArray[np.uint64]:
        """uint64 [n]: split, the first bits of the cell's hash, those of the document's hash."""
        document = self._documents[rows["document"]]
        evaluation = document >> np.uint64(63)
        cell = mix(rows["cell"].astype(np.uint64)) >> np.uint64(64 - CELL_BITS)
        rest = (document << np.uint64(1)) >> np.uint64(64 - DOCUMENT_BITS)
        high = (evaluation << np.uint64(CELL_BITS)) | cell
        return np.asarray((high << np.uint64(DOCUMENT_BITS)) | rest)


def _starts(counts: NDArray[np.int64], most: int) -> tuple[NDArray[np.uint64], int]:
    """The first key of every block, and which block is the first of the evaluation split.

    counts: int64 [2, cells], rows of either split by the first bits of their cell's hash.
    """
    starts: list[int] = []
    first = [0, 0]
    for split in range(2):
        first[split], held = len(starts), most
        for cell in np.flatnonzero(counts[split]).tolist():
            rows = int(counts[split, cell])
            high = ((split << CELL_BITS) | cell) << DOCUMENT_BITS
            parts = -(-rows // most)
            if parts > 1:
                starts += [high + part * (1 << DOCUMENT_BITS) // parts for part in range(parts)]
                held = most
            elif held + rows > most:
                starts.append(high)
                held = rows
            else:
                held += rows
    return np.array(starts, dtype=np.uint64), first[1]


@dataclass(frozen=True, eq=False)
class Store:
    """Rows and codes of some dictionaries on the disk, as ``Spool`` left them.

    widths: F of each dictionary. starts: uint64, the first key of each block. first_evaluation: the
    first block of the evaluation split. documents: uint64 [D], a hash of each.
    """

    folder: Path
    widths: tuple[int, ...]
    chunks: int
    starts: NDArray[np.uint64]
    first_evaluation: int
    documents: NDArray[np.uint64]

    def blocks(self, evaluation: bool) -> range:
        """The blocks of one split."""
        if evaluation:
            return range(self.first_evaluation, len(self.starts))
        return range(self.first_evaluation)

    def rows(self, block: int) -> NDArray[np.void]:
        """[n] of ``ROW``."""
        parts = [
            self._read(f"{chunk}.rows", ROW, low, high) for chunk, low, high in self._places(block)
        ]
        return np.concatenate(parts) if parts else np.zeros(0, ROW)

    def codes(self, dictionary: int, block: int) -> sparse.csr_array:
        """float32 [n, F]: of the same rows."""
        counts, features, values = [np.zeros(0, np.int64)], [], []
        for chunk, low, high in self._places(block):
            name = f"{chunk}.{dictionary}"
            start = self._read(f"{name}.start", np.dtype("<i8"), low, high + 1)
            counts.append(np.diff(start))
            features.append(self._read(f"{name}.feature", np.dtype("<i4"), start[0], start[-1]))
            values.append(self._read(f"{name}.value", np.dtype("<f4"), start[0], start[-1]))
        start = np.concatenate([[0], np.cumsum(np.concatenate(counts))])
        empty = np.zeros(0, np.int32), np.zeros(0, np.float32)
        feature, value = (
            np.concatenate([e, *p]) for e, p in zip(empty, (features, values), strict=True)
        )
        shape = len(start) - 1, self.widths[dictionary]
        return sparse.csr_array((value, feature, start.astype(np.int32)), shape=shape)

    @cached_property
    def units(self) -> NDArray[np.int64]:
        """int64 [D]: the group of every document; equal documents are in one. All are groups of
        their own where they are few."""
        distinct, index = np.unique(self.documents, return_inverse=True)
        if len(distinct) > UNITS:
            # Bits that decide neither the split nor the order of blocks.
            mixed = mix(self.documents) >> np.uint64(20)
            return (mixed % np.uint64(UNITS)).astype(np.int64)
        return index.astype(np.int64)

    @property
    def evaluation(self) -> NDArray[np.bool_]:
        """bool [D]: the documents on which figures are reported."""
        return (self.documents >> np.uint64(63)).astype(np.bool_)

    def _places(self, block: int) -> Iterator[tuple[int, int, int]]:
        """Chunks with rows of a block, and where in the chunk they begin and end."""
        for chunk, bounds in enumerate(self._bounds):
            low, high = bounds[block : block + 2].tolist()
            if high > low:
                yield chunk, low, high

    @cached_property
    def _bounds(self) -> NDArray[np.int64]:
        """int64 [chunks, blocks + 1]: where blocks begin in every chunk."""
        bounds = np.zeros((self.chunks, len(self.starts) + 1), dtype=np.int64)
        for chunk in range(self.chunks):
            keys = np.fromfile(self.folder / f"{chunk}.keys", dtype="<u8")
            bounds[chunk, :-1] = np.searchsorted(keys, self.starts)
            bounds[chunk, -1] = len(keys)
        return bounds

    def _read(self, name: str, kind: np.dtype[Any], low: int, high: int) -> NDArray[Any]:
        offset, count = int(low) * kind.itemsize, int(high) - int(low)
        return np.fromfile(self.folder / name, kind, count, offset=offset)
