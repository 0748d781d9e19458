"""How a string of brackets and its verdict are written as one sequence of tokens, and read back.

A start mark, ``length`` places for the brackets with blanks behind a shorter string, an end mark,
and the answer: the scratchpad, if there is one, then the verdict. Read backwards, the same tokens
come in the reverse order up to the answer, the end mark first: then closing brackets open.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from world.brackets.nesting import CLOSE, OPEN, Brackets
from world.brackets.scratch import FIRST_VALUE, NO, YES, Scratch, answers, own_values, room
from world.core.batch import QuizBatch
from world.core.world import Layout

PIECES = ("string", "verdict")
BLANK, START, END = 0, 5, 6
MARK, READ, WRITTEN, SCRATCH, VERDICT = range(5)
"""Kinds of tokens, as ``BracketsWorld.parts`` lists them."""


@dataclass(frozen=True)
class Codec:
    """Strings of up to ``length`` brackets. backwards: there is a layout for reading them so."""

    length: int
    scratch: Scratch
    backwards: bool

    @property
    def vocab(self) -> tuple[str, ...]:
        """V names of token values."""
        own = own_values(self.scratch, self.length)
        return ("blank", "(", ")", "balanced", "unbalanced", "start", "end", *own)

    @property
    def end_mark(self) -> int:
        """Where in layout 0 the end mark stands; the start mark is at 0."""
        return self.length + 1

    @property
    def answer(self) -> int:
        """Where the answer begins in layout 0."""
        return self.length + 2

    @property
    def room(self) -> int:
        """Most tokens of a scratchpad."""
        return room(self.scratch, self.length)

    @property
    def seq_len(self) -> int:
        """T: tokens of a quiz."""
        return self.answer + self.room + 1

    @property
    def layouts(self) -> tuple[Layout, ...]:
        """The verdict is asked for, after one reading or the other; or written first."""
        reversed_ = (Layout("string backwards,verdict", (0, 1), answers=True),) * self.backwards
        return (
            Layout("string,verdict", (0, 1), answers=True),
            *reversed_,
            Layout("verdict,string", (1, 0), answers=False),
        )

    @cached_property
    def origins(self) -> NDArray[np.int64]:
        """int64 [S, T]: where in layout 0 the token at each position of each layout stands."""
        string, answer = np.split(np.arange(self.seq_len), [self.answer])
        orders = [(string, answer), (string[::-1], answer), (answer, string)]
        if not self.backwards:
            del orders[1]
        return np.stack([np.concatenate(order) for order in orders])

    @cached_property
    def slots(self) -> NDArray[np.int64]:
        """int64 [S, T]: 1 in the piece that is written second, else 0."""
        second = self.origins >= self.answer
        second[-1] = ~second[-1]
        return second.astype(np.int64)

    @cached_property
    def allowed(self) -> NDArray[np.bool_]:
        """bool [S, T, V]: marks in their places; a string has a bracket at least."""
        values, own = np.arange(len(self.vocab)), np.arange(self.seq_len)
        plain = np.zeros((self.seq_len, len(values)), dtype=np.bool_)
        plain[1 : self.end_mark] = values <= CLOSE
        plain[self.answer :] = np.isin(values, (YES, NO)) | self._in_scratch(values)
        plain[-1] = np.isin(values, (BLANK, YES, NO) if self.room else (YES, NO))
        plain[1, BLANK] = plain[self.answer, BLANK] = False
        plain[own == 0] = values == START
        plain[own == self.end_mark] = values == END
        return plain[self.origins]

    def _in_scratch(self, values: NDArray[np.int64]) -> NDArray[np.bool_]:
        """bool [V]: what may stand in a scratchpad, blanks behind the verdict among it."""
        if self.scratch == "none":
            return np.zeros(len(values), dtype=np.bool_)
        brackets = (values <= CLOSE) if self.scratch == "cancel" else values == BLANK
        return brackets | (values >= FIRST_VALUE)

    def tokens(self, strings: Brackets) -> NDArray[np.uint8]:
        """[n, T] in layout 0, answered right, of strings [n, length]."""
        tokens = np.zeros((len(strings), self.seq_len), dtype=np.uint8)
        tokens[:, 0], tokens[:, self.end_mark] = START, END
        tokens[:, 1 : self.end_mark] = strings
        tokens[:, self.answer :] = answers(self.scratch, strings)
        return tokens

    def strings(self, plain: QuizBatch) -> Brackets:
        """[n, length] of quizzes in layout 0: what stands behind a blank is left out."""
        strings = plain.tokens[:, 1 : self.end_mark].astype(np.uint8)
        brackets = (strings == OPEN) | (strings == CLOSE)
        return np.where(np.logical_and.accumulate(brackets, axis=1), strings, 0).astype(np.uint8)

    def verdicts(self, plain: QuizBatch) -> NDArray[np.uint8]:
        """[n] of quizzes in layout 0: YES, NO, or 0 where there is none."""
        answer = plain.tokens[:, self.answer :]
        said = np.isin(answer, (YES, NO))
        first = np.where(said.any(axis=1), said.argmax(axis=1), 0)
        chosen = answer[np.arange(len(answer)), first]
        return np.where(said.any(axis=1), chosen, 0).astype(np.uint8)

    def blanks(self, plain: QuizBatch) -> NDArray[np.bool_]:
        """bool [n, T], of quizzes in layout 0: tokens after the one that ends their piece, which is
        a blank behind a string, and a verdict or a blank in an answer."""
        ends = plain.tokens == BLANK
        ends[:, self.answer :] |= np.isin(plain.tokens[:, self.answer :], (YES, NO))
        ended = np.zeros(ends.shape, dtype=np.bool_)
        for start, stop in ((1, self.end_mark), (self.answer, self.seq_len)):
            before = np.logical_or.accumulate(ends[:, start:stop], axis=1)
            ended[:, start + 1 : stop] = before[:, :-1]
        return ended
