"""Sentences by what they are made of, and how they become tokens.

Layout 0 has the answer at its end, the sentence before it, and blanks before that. In the other
answer layouts all of it stands so many places further left, blanks behind it: so the answer has
another place in the sequence, and nothing else is changed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from world.core.world import Layout
from world.names.words import BLANK, ENDINGS, FILLED, OPENINGS, THEM, WHILE, Words

Values = NDArray[np.int64]
PIECES = ("sentence", "answer")
CLAUSE = 3
"""Words of a clause about somebody else."""


@dataclass(frozen=True)
class Sentences:
    """B sentences. opening, ending: int64 [B], which halves; all else are values of words.

    first, second, giver, place, object: int64 [B]. prefix [B, P], gap and late [B, G]: fillers
    before the sentence, before the giver and after, blanks where there are fewer. others, verbs:
    int64 [B, D], somebody else and what they do.
    """

    opening: Values
    ending: Values
    first: Values
    second: Values
    giver: Values
    place: Values
    object: Values
    prefix: Values
    gap: Values
    late: Values
    others: Values
    verbs: Values

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, rows: Any) -> Self:
        """Those of a slice, a mask or an array of indices."""
        return replace(self, **{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    @property
    def answers(self) -> Values:
        """int64 [B]: of the two names the one that does not give; ``them`` where neither does."""
        by_second = np.where(self.giver == self.second, self.first, THEM)
        return np.where(self.giver == self.first, self.second, by_second)


@dataclass(frozen=True)
class Codec:
    """How sentences are written that have up to so many fillers before them, and in each of two
    gaps, and so many clauses about others. templates: halves of each kind. floats: places that
    the answer can stand further left."""

    words: Words
    templates: int
    prefix: int
    gap: int
    distractors: int
    floats: int

    @cached_property
    def openings(self) -> Values:
        """int64 [templates, n]: see ``_table``."""
        return _table(OPENINGS[: self.templates], self.words)

    @cached_property
    def endings(self) -> Values:
        """int64 [templates, n]: see ``_table``."""
        return _table(ENDINGS[: self.templates], self.words)

    @property
    def width(self) -> int:
        """Words of the longest sentence, the answer not among them."""
        halves = self.openings.shape[1] + self.endings.shape[1]
        return self.prefix + halves + 2 * self.gap + CLAUSE * self.distractors

    @property
    def longest_block(self) -> int:
        """Words of the longest block that can be repeated, its last word being the answer."""
        return (self.width + 1) // 2

    @property
    def seq_len(self) -> int:
        """T."""
        return self.floats + self.width + 1

    @property
    def answer(self) -> int:
        """Where the answer stands in layout 0."""
        return self.seq_len - 1

    @property
    def layouts(self) -> tuple[Layout, ...]:
        """The answer is asked for at each of its places; or written first."""
        moved = (f"sentence,answer,{n} blank{'s' * (n > 1)}" for n in range(1, self.floats + 1))
        return (
            *(Layout(name, (0, 1), answers=True) for name in ("sentence,answer", *moved)),
            Layout("answer,sentence", (1, 0), answers=False),
        )

    @cached_property
    def origins(self) -> Values:
        """int64 [S, T]: where in layout 0 the token at each position of each layout stands."""
        own = np.arange(self.seq_len)
        return np.stack([*(np.roll(own, -n) for n in range(self.floats + 1)), np.roll(own, 1)])

    @cached_property
    def slots(self) -> Values:
        """int64 [S, T]: 1 from the piece on that is written second, else 0."""
        second = np.logical_or.accumulate(self.origins == self.answer, axis=1)
        second[-1] = np.arange(self.seq_len) > 0
        return second.astype(np.int64)

    @cached_property
    def allowed(self) -> NDArray[np.bool_]:
        """bool [S, T, V]: blanks in front; behind them anything, but a word before the answer and
        for it."""
        plain = np.ones((self.seq_len, len(self.words.vocab)), dtype=np.bool_)
        plain[: self.floats, BLANK + 1 :] = False
        plain[self.answer - 1 :, BLANK] = False
        return plain[self.origins]

    def tokens(self, sentences: Sentences) -> NDArray[np.uint8]:
        """[B, T] in layout 0, answered right."""
        filled = np.stack(
            [
                *(sentences.first, sentences.second, sentences.giver),
                *(sentences.place, sentences.object),
            ],
            axis=1,
        )
        ending = _filled(self.endings[sentences.ending], filled)
        words = [
            sentences.prefix,
            _filled(self.openings[sentences.opening], filled),
            self._clauses(sentences),
            sentences.gap,
            ending[:, :1],
            sentences.late,
            ending[:, 1:],
        ]
        return self.placed(np.concatenate(words, axis=1), sentences.answers)

    def _clauses(self, sentences: Sentences) -> Values:
        """int64 [B, CLAUSE * D]: what is said of others."""
        begin = np.full_like(sentences.others, self.words.value(WHILE))
        clauses = np.stack([begin, sentences.others, sentences.verbs], axis=2)
        return clauses.reshape(len(sentences), clauses.shape[1] * clauses.shape[2])

    def placed(self, words: NDArray[np.integer], answers: Values) -> NDArray[np.uint8]:
        """[B, T] in layout 0: words [B, n] with blanks anywhere, n at most ``width``, and their
        answers [B]."""
        tokens = np.zeros((len(words), self.seq_len), dtype=np.uint8)
        tokens[:, self.answer - words.shape[1] : self.answer] = moved_right(words)
        tokens[:, self.answer] = answers
        return tokens


def moved_right(words: NDArray[np.integer]) -> NDArray[np.integer]:
    """The same words in their order, all blanks before them."""
    order = np.argsort(words != BLANK, axis=1, kind="stable")
    return np.take_along_axis(words, order, axis=1)


def _table(halves: tuple[str, ...], words: Words) -> Values:
    """int64 [halves, most words]: the values of their words; -1 - i for what is filled in with
    ``FILLED[i]``; blanks behind the shorter ones."""
    rows = [
        [-1 - FILLED.index(word) if word in FILLED else words.value(word) for word in half.split()]
        for half in halves
    ]
    most = max(map(len, rows))
    return np.array([row + [BLANK] * (most - len(row)) for row in rows], dtype=np.int64)


def _filled(half: Values, filled: Values) -> Values:
    """int64 [B, n]: halves with what is filled in, int64 [B, len(FILLED)], in its places."""
    own = np.take_along_axis(filled, np.maximum(-1 - half, 0), axis=1)
    return np.where(half < 0, own, half)
