"""How two frames are written as one sequence of tokens, and read back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from world.core.batch import QuizBatch
from world.core.world import Axis, Layout

PARTS = ("first", "last")
"""The two frames; a layout is an order of them."""
FIRST, LAST = range(2)
LAYOUTS = (
    Layout("first,last", (FIRST, LAST), answers=True),
    Layout("last,first", (LAST, FIRST), answers=True),
    Layout("last,first to propose", (LAST, FIRST), answers=False),
)
"""The two in which a frame is asked for, and that in which agents write."""
LABEL, CONTEXT, ANSWER, WRITTEN = range(4)
"""Kinds of tokens, as ``BirdsWorld.parts`` lists them."""
KINDS = ((CONTEXT, ANSWER), (CONTEXT, ANSWER), (CONTEXT, WRITTEN))


@dataclass(frozen=True)
class Codec:
    """Two frames of G cells, each behind a label token, in the order of a layout."""

    height: int
    width: int
    colours: int

    @property
    def cells(self) -> int:
        """G: cells of a frame."""
        return self.height * self.width

    @property
    def vocab_size(self) -> int:
        """V: the background, the colours, a label for each frame."""
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
        """Where the cells in both places begin."""
        return tuple(slot * (1 + self.cells) + 1 for slot in range(len(PARTS)))

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Which place, and where in its frame."""
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
    def slots(self) -> NDArray[np.int64]:
        """int64 [S, T]: 0 in the frame that is written first, 1 in the other."""
        slots = np.repeat(np.arange(len(PARTS)), 1 + self.cells)
        return np.tile(slots, (len(LAYOUTS), 1))

    @cached_property
    def part_at(self) -> NDArray[np.int64]:
        """int64 [S, T]: which frame stands at each position."""
        orders = np.array([layout.parts for layout in LAYOUTS])
        return np.repeat(orders, 1 + self.cells, axis=1)

    @cached_property
    def origins(self) -> NDArray[np.int64]:
        """int64 [S, T]: where in layout 0 the token at each position of each layout stands."""
        inside = np.tile(np.arange(1 + self.cells), len(PARTS))
        return self.part_at * (1 + self.cells) + inside

    @cached_property
    def kinds(self) -> NDArray[np.int8]:
        """int8 [S, T]: the kind of each token under each layout."""
        kinds = np.repeat(np.array(KINDS, dtype=np.int8), 1 + self.cells, axis=1)
        kinds[:, :: 1 + self.cells] = LABEL
        return kinds

    @cached_property
    def allowed(self) -> NDArray[np.bool_]:
        """bool [S, T, V]: labels in their places, the background and colours in all others."""
        values = np.arange(self.vocab_size)
        label = values == (self.colours + 1 + self.part_at)[..., None]
        return np.where((self.kinds == LABEL)[..., None], label, values <= self.colours)

    def tokens(self, frames: NDArray[np.integer]) -> NDArray[np.unsignedinteger]:
        """[B, T] in layout 0 of frames [B, 2, G]."""
        tokens = np.zeros((len(frames), len(PARTS), 1 + self.cells), dtype=self.dtype)
        tokens[:, :, 0] = self.colours + 1 + np.arange(len(PARTS))
        tokens[:, :, 1:] = frames
        return tokens.reshape(len(frames), self.seq_len)

    def frames(self, plain: QuizBatch) -> NDArray[np.unsignedinteger]:
        """[B, 2, G]: the first and the last frame of quizzes in layout 0."""
        cells = plain.tokens.reshape(len(plain), len(PARTS), 1 + self.cells)
        return cells[:, :, 1:]
