"""How four grids are written as one sequence of tokens, and read back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world.core.batch import QuizBatch
from world.core.world import Axis, Layout

PARTS = ("A", "fA", "B", "fB")
"""The four grids; a layout is an order of them."""
LABEL, CONTEXT, IMAGE, ANSWER, WRITTEN = range(5)
"""Kinds of tokens, as ``GridsWorld.parts`` lists them."""
_ASKED, _WRITTEN = (CONTEXT, IMAGE, CONTEXT, ANSWER), (CONTEXT, CONTEXT, IMAGE, WRITTEN)


@dataclass(frozen=True)
class Codec:
    """Four grids of G cells, each behind a label token, in the order of a layout."""

    height: int
    width: int
    colours: int

    @property
    def cells(self) -> int:
        """G: cells of a grid."""
        return self.height * self.width

    @property
    def vocab_size(self) -> int:
        """V: the background, the colours, and a label for each part."""
        return 1 + self.colours + len(PARTS)

    @property
    def dtype(self) -> np.dtype[np.unsignedinteger]:
        """The smallest unsigned type that holds every token value."""
        return np.min_scalar_type(self.vocab_size - 1)

    @property
    def seq_len(self) -> int:
        """T: tokens of a quiz."""
        return len(PARTS) * (1 + self.cells)

    @property
    def starts(self) -> tuple[int, ...]:
        """Where the cells in each of the four places begin."""
        return tuple(k * (1 + self.cells) + 1 for k in range(len(PARTS)))

    @property
    def layouts(self) -> tuple[Layout, ...]:
        """The orders in which the four grids are written."""
        orders = ((0, 1, 2, 3), (1, 0, 3, 2), (2, 3, 0, 1), (3, 2, 1, 0), (3, 1, 0, 2))
        return tuple(
            Layout(",".join(PARTS[p] for p in order), order, answers=i < 4)
            for i, order in enumerate(orders)
        )

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Which grid, and where in it."""
        return (
            Axis("part", len(PARTS)),
            Axis("row", self.height + 1),
            Axis("column", self.width + 1),
        )

    @cached_property
    def coordinates(self) -> NDArray[np.int64]:
        """int64 [T, 3]; labels stand at a row and column of their own, one past the last."""
        row, column = np.divmod(np.arange(self.cells), self.width)
        row = np.concatenate([[self.height], row])
        column = np.concatenate([[self.width], column])
        part = np.repeat(np.arange(len(PARTS)), 1 + self.cells)
        return np.stack([part, np.tile(row, len(PARTS)), np.tile(column, len(PARTS))], axis=1)

    @cached_property
    def kinds(self) -> NDArray[np.int8]:
        """int8 [S, T]: the kind of each token under each layout."""
        by_slot = [_ASKED] * 4 + [_WRITTEN]
        kinds = np.repeat(np.array(by_slot, dtype=np.int8), 1 + self.cells, axis=1)
        kinds[:, :: 1 + self.cells] = LABEL
        return kinds

    @cached_property
    def slots(self) -> NDArray[np.int64]:
        """int64 [S, T]: how many grids are written before the one that a position belongs to."""
        slots = np.repeat(np.arange(len(PARTS)), 1 + self.cells)
        return np.tile(slots, (len(self.layouts), 1))

    @cached_property
    def origins(self) -> NDArray[np.int64]:
        """int64 [S, T]: where in layout 0 the token at each position of each layout stands."""
        inside = np.arange(1 + self.cells)
        starts = (1 + self.cells) * self._orders[:, :, None]
        return (starts + inside).reshape(len(self.layouts), self.seq_len)

    @cached_property
    def allowed(self) -> NDArray[np.bool_]:
        """bool [S, T, V]: labels in their places, the background and colours in all others."""
        allowed = np.zeros((len(self.layouts), self.seq_len, self.vocab_size), dtype=np.bool_)
        allowed[:, :, : self.colours + 1] = True
        for s, layout in enumerate(self.layouts):
            for slot, part in enumerate(layout.parts):
                allowed[s, slot * (1 + self.cells)] = False
                allowed[s, slot * (1 + self.cells), self.colours + 1 + part] = True
        return allowed

    def tokens(self, grids: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """uint8 [B, T] in layout 0 of grids uint8 [B, 4, G]."""
        tokens = np.zeros((len(grids), len(PARTS), 1 + self.cells), dtype=self.dtype)
        tokens[:, :, 0] = self.colours + 1 + np.arange(len(PARTS))
        tokens[:, :, 1:] = grids
        return tokens.reshape(len(grids), self.seq_len)

    def regions(self, regions: NDArray[np.int8]) -> NDArray[np.int8]:
        """int8 [B, T] in layout 0 of the regions int8 [B, 4, G] of grids; 0 at labels."""
        padded = np.zeros((len(regions), len(PARTS), 1 + self.cells), dtype=np.int8)
        padded[:, :, 1:] = regions
        return padded.reshape(len(regions), self.seq_len)

    def grids(self, batch: QuizBatch) -> NDArray[np.uint8]:
        """uint8 [B, 4, H, W]: A, f(A), B, f(B), whatever the layout of each row."""
        parts = self._reordered(batch.tokens, self._slots[batch.layout])[:, :, 1:]
        return parts.reshape(len(batch), len(PARTS), self.height, self.width)

    def _reordered(self, rows: NDArray[Any], order: NDArray[np.int64]) -> NDArray[Any]:
        """[B, T] to [B, 4, 1 + G]: of each row its four grids in the order [B, 4]."""
        taken = order + len(PARTS) * np.arange(len(rows))[:, None]
        grids = rows.reshape(-1, 1 + self.cells).take(taken.ravel(), axis=0)
        return grids.reshape(len(rows), len(PARTS), 1 + self.cells)

    @cached_property
    def _orders(self) -> NDArray[np.int64]:
        """int64 [S, 4]: the part in each slot."""
        return np.array([s.parts for s in self.layouts])

    @cached_property
    def _slots(self) -> NDArray[np.int64]:
        """int64 [S, 4]: the slot of each part."""
        return np.argsort(self._orders, axis=1)

    def arrange(self, batch: QuizBatch, layout: NDArray[np.uint8] | int) -> QuizBatch:
        """The same quizzes in other layouts."""
        wanted = np.broadcast_to(np.asarray(layout, dtype=np.uint8), (len(batch),)).copy()
        order = np.take_along_axis(self._slots[batch.layout], self._orders[wanted], axis=1)

        def rewrite(rows: NDArray[Any]) -> NDArray[Any]:
            return self._reordered(rows, order).reshape(rows.shape)

        regions = None if batch.regions is None else rewrite(batch.regions)
        return QuizBatch(rewrite(batch.tokens), wanted, batch.task, regions)
