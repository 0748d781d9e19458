"""A world as small as can be, written outside the package: copy or reverse a string.

A quiz is a task token, a string, a separator and the string again, copied or reversed. It has
two parts, one dimension, no colours and no example, is voted on in both directions, and is learned
in seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from world import Axis, Layout, Part, Piece, QuizBatch, QuizWorld, Stream, Symmetries, View

LETTERS, COPY, SEPARATOR = 6, 6, 8


@dataclass(frozen=True)
class CopyWorld(QuizWorld):
    """T = 2 + 2 * length: task token (6 copy, 7 reverse), x, separator (8), y; letters 0 .. 5."""

    length: int = 5

    name: ClassVar[str] = "copy"
    tasks: ClassVar[tuple[str, ...]] = ("copy", "reverse")
    vocab: ClassVar[tuple[str, ...]] = (*"abcdef", "copy", "reverse", "to")
    layouts: ClassVar[tuple[Layout, ...]] = (
        Layout("x,y", (0, 1), True),
        Layout("y,x", (1, 0), True),
        Layout("y,x to propose", (1, 0), False),
    )
    parts: ClassVar[tuple[Part, ...]] = (
        Part("label", 0.0, fixed=True),
        Part("context", 0.1),
        Part("answer", 1.0, graded=True),
    )
    directions: ClassVar[tuple[int, ...]] = (0, 1)

    @property
    def seq_len(self) -> int:
        return 2 + 2 * self.length

    @property
    def axes(self) -> tuple[Axis, ...]:
        return (Axis("part", 2), Axis("place", self.length + 1))

    @property
    def coordinates(self) -> NDArray[np.int64]:
        return np.stack(np.divmod(np.arange(self.seq_len), self.length + 1), axis=1)

    @property
    def kinds(self) -> NDArray[np.int8]:
        """int8 [S, T]: the part of each token under each layout."""
        first = [1] * (self.length + 1)
        answered, proposed = ([*first, 0, *[kind] * self.length] for kind in (2, 1))
        return np.array([answered, answered, proposed], dtype=np.int8)

    def part_of(self, batch: QuizBatch) -> NDArray[np.int8]:
        return self.kinds[batch.layout]

    @property
    def slots(self) -> NDArray[np.int64]:
        return np.tile(self.coordinates[:, 0], (3, 1))

    @property
    def origins(self) -> NDArray[np.int64]:
        x, y = np.arange(1, self.length + 1), np.arange(self.length + 2, self.seq_len)
        swapped = [0, *y, self.length + 1, *x]
        return np.array([np.arange(self.seq_len), swapped, swapped])

    @property
    def allowed(self) -> NDArray[np.bool_]:
        values = np.arange(self.vocab_size)
        allowed = np.tile(values < LETTERS, (3, self.seq_len, 1))
        allowed[:, 0] = (values >= COPY) & (values < SEPARATOR)
        allowed[:, self.length + 1] = values == SEPARATOR
        return allowed

    def draw(
        self,
        stream: Stream,
        start: int,
        count: int,
        split: str,
        task_weights: Sequence[float] | None = None,
    ) -> QuizBatch:
        if split not in self.splits:
            raise ValueError(f"unknown split {split!r}")
        numbers = range(start, start + count)
        weights = (1, 1) if task_weights is None else task_weights
        rows = [self._draw_one(stream.generator(i), split, weights) for i in numbers]
        tokens = np.array(rows, dtype=np.uint8).reshape(count, self.seq_len)
        task = tokens[:, 0].astype(np.int16) - COPY
        return QuizBatch(tokens, np.zeros(count, dtype=np.uint8), task)

    def _draw_one(
        self, rng: np.random.Generator, split: str, weights: Sequence[float]
    ) -> NDArray[np.uint8]:
        while True:
            x = rng.integers(LETTERS, size=self.length)
            task = int(rng.random() * sum(weights) >= weights[0])
            row = np.array([COPY + task, *x, SEPARATOR, *(x[::-1] if task else x)], dtype=np.uint8)
            batch = QuizBatch(row[None], np.zeros(1, np.uint8), np.zeros(1, np.int16))
            if self.splits[self.split_of(batch)[0]] == split:
                return row

    def symmetries(self, batch: QuizBatch) -> Symmetries:
        readings = self.arrange(batch, 0).tokens[:, None]
        return Symmetries(readings, np.zeros(self.vocab_size, dtype=np.bool_))

    def is_trivial(self, batch: QuizBatch) -> NDArray[np.bool_]:
        letters = batch.tokens[:, 1 : self.length + 1]
        return np.asarray((letters == letters[:, :1]).all(axis=1))

    def corrupt(self, batch: QuizBatch, rate: float, rng: np.random.Generator) -> QuizBatch:
        tokens = batch.tokens.copy()
        prompt = tokens[:, 1 : self.length + 1]
        noise = rng.integers(LETTERS, size=prompt.shape, dtype=np.uint8)
        prompt[:] = np.where(rng.random(prompt.shape) < rate, noise, prompt)
        return replace(batch, tokens=tokens)

    def labels(self, batch: QuizBatch) -> dict[str, NDArray[np.int16]]:
        place = np.broadcast_to(self.coordinates[:, 1].astype(np.int16), batch.tokens.shape)
        return {"place": place}

    @property
    def view(self) -> View:
        pieces = (Piece("x", 1, 1, self.length), Piece("y", self.length + 2, 1, self.length))
        letters = tuple("abcdef")
        return View(pieces, ("#eeeeee",) * LETTERS, letters, letters)
