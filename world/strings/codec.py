"""How four strings are written as one sequence of tokens, and read back.

Each string has a slot of its own behind a label token: questions up to ``length`` letters, images
one more. A shorter string is followed by padding, whose first token tells that it has ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from world.core.batch import QuizBatch
from world.core.world import Layout
from world.strings.task import Strings

PARTS = ("x", "f(x)", "z", "f(z)")
"""The four strings; a layout is an order of them."""
ORDERS = ((0, 1, 2, 3), (2, 3, 0, 1), (3, 1, 0, 2))
"""The two in which an image is asked for, and that in which agents write."""
LABEL, CONTEXT, IMAGE, ANSWER = range(4)
"""Kinds of tokens, as ``StringsWorld.parts`` lists them."""
KINDS = ((CONTEXT, IMAGE, CONTEXT, ANSWER),) * 2 + ((CONTEXT, CONTEXT, IMAGE, IMAGE),)


@dataclass(frozen=True)
class Codec:
    """Four strings of up to ``length`` letters, an image one longer. A letters, V = A + 5."""

    length: int
    letters: int

    @property
    def vocab_size(self) -> int:
        """V: padding, the letters, a label for each string."""
        return 1 + self.letters + len(PARTS)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Tokens of each string's slot, its label included."""
        return tuple(1 + self.length + part % 2 for part in range(len(PARTS)))

    @property
    def seq_len(self) -> int:
        """T: tokens of a quiz."""
        return sum(self.sizes)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where the letters of each string begin in layout 0."""
        return tuple(int(1 + sum(self.sizes[:part])) for part in range(len(PARTS)))

    @property
    def layouts(self) -> tuple[Layout, ...]:
        """The orders in which the four strings are written."""
        return tuple(
            Layout(",".join(PARTS[part] for part in order), order, answers=i < 2)
            for i, order in enumerate(ORDERS)
        )

    def _by_slot(self, values: tuple[int, ...], order: tuple[int, ...]) -> NDArray[np.int64]:
        """int64 [T]: a value for each slot, repeated over its tokens."""
        return np.repeat(np.array(values), [self.sizes[part] for part in order])

    @cached_property
    def slots(self) -> NDArray[np.int64]:
        """int64 [S, T]: how many strings are written before the one at each position."""
        return np.stack([self._by_slot((0, 1, 2, 3), order) for order in ORDERS])

    @cached_property
    def string_at(self) -> NDArray[np.int64]:
        """int64 [S, T]: which string stands at each position."""
        return np.stack([self._by_slot(order, order) for order in ORDERS])

    @cached_property
    def origins(self) -> NDArray[np.int64]:
        """int64 [S, T]: where in layout 0 the token at each position of each layout stands."""
        tokens = [
            np.arange(self.starts[part] - 1, self.starts[part] - 1 + self.sizes[part])
            for part in range(len(PARTS))
        ]
        return np.stack([np.concatenate([tokens[part] for part in order]) for order in ORDERS])

    @cached_property
    def place_at(self) -> NDArray[np.int64]:
        """int64 [S, T]: place of each position in its string, from 0; -1 at labels."""
        begin = np.array(self.starts)[self.string_at]
        return self.origins - begin

    @cached_property
    def kinds(self) -> NDArray[np.int8]:
        """int8 [S, T]: the kind of each token under each layout, padding aside."""
        by_slot = [self._by_slot(kinds, order) for kinds, order in zip(KINDS, ORDERS, strict=True)]
        return np.where(self.place_at < 0, LABEL, np.stack(by_slot)).astype(np.int8)

    @cached_property
    def allowed(self) -> NDArray[np.bool_]:
        """bool [S, T, V]: labels in their places; a string has a letter at least."""
        values = np.arange(self.vocab_size)
        label = values == (self.letters + 1 + self.string_at)[..., None]
        letter = values <= self.letters
        first = (self.place_at == 0)[..., None] & (values == 0)
        return np.where((self.place_at < 0)[..., None], label, letter & ~first)

    def tokens(self, strings: Strings) -> NDArray[np.uint8]:
        """[B, T] in layout 0 of strings [B, 4, length + 1]."""
        tokens = np.zeros((len(strings), self.seq_len), dtype=np.uint8)
        for part, start in enumerate(self.starts):
            tokens[:, start - 1] = self.letters + 1 + part
            stop = start + self.sizes[part] - 1
            tokens[:, start:stop] = strings[:, part, : stop - start]
        return tokens

    def strings(self, plain: QuizBatch) -> Strings:
        """[B, 4, length + 1] of quizzes in layout 0: letters, then zeros."""
        strings = np.zeros((len(plain), len(PARTS), self.length + 1), dtype=np.uint8)
        for part, start in enumerate(self.starts):
            size = self.sizes[part] - 1
            strings[:, part, :size] = plain.tokens[:, start : start + size]
        return strings

    def padding(self, batch: QuizBatch) -> NDArray[np.bool_]:
        """bool [B, T]: tokens after the one that ends their string."""
        blank = (batch.tokens == 0) & (self.place_at[batch.layout] >= 0)
        ended = np.zeros(batch.tokens.shape, dtype=np.bool_)
        for t in range(1, self.seq_len):
            inside = self.place_at[batch.layout, t] > 0
            ended[:, t] = inside & (ended[:, t - 1] | blank[:, t - 1])
        return ended
