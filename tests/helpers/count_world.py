"""A world of the core alone: no quizzes, no layouts, more token values than a byte holds.

A sequence counts from a number by a step, modulo 300; once start and step have been seen, all that
follows is graded. Sequences have different lengths, and are padded at their end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from world import Axis, Part, Piece, QuizBatch, Stream, View, World
from world.core.sampling import by_rejection, draw_split

PADDING, MODULUS = 0, 300


@dataclass(frozen=True)
class CountWorld(World):
    """T tokens: numbers 1 .. 300, then padding."""

    length: int = 8

    name: ClassVar[str] = "count"
    tasks: ClassVar[tuple[str, ...]] = ("by one", "by two", "by three")
    parts: ClassVar[tuple[Part, ...]] = (Part("start", 0.1), Part("answer", 1.0, graded=True))

    @property
    def vocab(self) -> tuple[str, ...]:
        return ("padding", *(str(n) for n in range(MODULUS)))

    @property
    def seq_len(self) -> int:
        return self.length

    @property
    def axes(self) -> tuple[Axis, ...]:
        return (Axis("position", self.length),)

    @property
    def coordinates(self) -> NDArray[np.int64]:
        return np.arange(self.length)[:, None]

    def part_of(self, batch: QuizBatch) -> NDArray[np.int8]:
        kinds = np.where(np.arange(self.length) < 2, 0, 1)
        return np.where(batch.tokens == PADDING, -1, kinds).astype(np.int8)

    def draw(
        self,
        stream: Stream,
        start: int,
        count: int,
        split: str,
        task_weights: Sequence[float] | None = None,
    ) -> QuizBatch:
        weights = np.ones(len(self.tasks)) if task_weights is None else np.array(task_weights)

        def generate(rng: np.random.Generator, size: int) -> QuizBatch:
            task = rng.choice(len(self.tasks), size=size, p=weights / weights.sum())
            first = rng.integers(MODULUS, size=size)[:, None]
            numbers = (first + (task[:, None] + 1) * np.arange(self.length)) % MODULUS
            end = rng.integers(3, self.length + 1, size=size)[:, None]
            tokens = np.where(np.arange(self.length) < end, 1 + numbers, PADDING)
            return QuizBatch(
                tokens.astype(self.token_dtype), np.zeros(size, np.uint8), task.astype(np.int16)
            )

        return draw_split(self, by_rejection(self, generate), stream, start, count, split)

    def labels(self, batch: QuizBatch) -> dict[str, NDArray[np.int16]]:
        return {"number": batch.tokens.astype(np.int16) - 1}

    @property
    def view(self) -> View:
        return View(
            (Piece("numbers", 0, 1, self.length),),
            ("#eeeeee",) * self.vocab_size,
            ("", *(str(n) for n in range(MODULUS))),
            self.vocab,
        )
