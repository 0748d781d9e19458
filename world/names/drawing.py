"""Sentences and repeated blocks drawn at random, whole batches at once.

Everything is drawn evenly: the pair of names and the template from those of a split, either order,
all other words from their class, and how many fillers stand in each place.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import perm

import numpy as np
from numpy.typing import NDArray

from world.core.hashing import hash_rows
from world.core.sampling import redraw
from world.core.world import split_by_hash
from world.names.options import ABB, ABC, BAB, REPEAT, TWICE
from world.names.reading import SHORTEST
from world.names.sentences import Codec, Sentences, Values, moved_right
from world.names.splits import Material
from world.names.words import BLANK, CONTENT, FILLERS, OBJECTS, PLACES, VERBS


@dataclass(frozen=True)
class Source:
    """What sentences are drawn from."""

    codec: Codec
    material: Material

    def sentences(self, rng: np.random.Generator, task: NDArray[np.str_], split: int) -> Sentences:
        """Sentences of tasks [B], by name, and of one split."""
        count = len(task)
        first, second = self._pairs(rng, count, split).T
        opening, ending = rng.choice(self.material.templates_of[split], size=count).T
        # Somebody else for whoever does anything beside the two.
        strangers = self.strangers(
            rng, np.stack([first, second], axis=1), 1 + self.codec.distractors
        )
        by_first = (task == BAB) | ((task == TWICE) & (rng.random(count) < 0.5))
        giver = np.where(task == ABC, strangers[:, 0], np.where(by_first, first, second))
        others = strangers[:, 1:]
        self._name_again(rng, others, task == TWICE, np.where(by_first, second, first))
        return Sentences(
            opening,
            ending,
            first,
            second,
            giver,
            self.words(rng, "place", (count,)),
            self.words(rng, "object", (count,)),
            self.fillers(rng, count, self.codec.prefix),
            self.fillers(rng, count, self.codec.gap),
            self.fillers(rng, count, self.codec.gap),
            others,
            self.words(rng, "verb", others.shape),
        )

    def _pairs(self, rng: np.random.Generator, count: int, split: int) -> Values:
        """int64 [count, 2]: two names in either order."""
        both = rng.choice(self.material.pairs[split], size=count)
        return np.where(rng.random((count, 1)) < 0.5, both, both[:, ::-1])

    def _name_again(
        self, rng: np.random.Generator, others: Values, where: NDArray[np.bool_], who: Values
    ) -> None:
        """Put ``who`` [B] among the others [B, D] of some rows, in the place of any of them."""
        rows = np.flatnonzero(where)
        if len(rows):
            others[rows, rng.integers(others.shape[1], size=len(rows))] = who[rows]

    def strangers(self, rng: np.random.Generator, known: Values, count: int) -> Values:
        """int64 [B, count]: names, different from each other and from those known, int64 [B, k]."""
        names = self.codec.words.values("name")
        for _ in range(count):
            taken = np.sort(known - names[0], axis=1)
            drawn = rng.integers(len(names) - taken.shape[1], size=len(taken))
            for name in taken.T:
                drawn += drawn >= name
            known = np.concatenate([known, (names[0] + drawn)[:, None]], axis=1)
        return known[:, known.shape[1] - count :]

    def words(self, rng: np.random.Generator, kind: str, shape: tuple[int, ...]) -> Values:
        """int64 of a shape: words of a class."""
        return rng.choice(self.codec.words.values(kind), size=shape)

    def fillers(
        self, rng: np.random.Generator, count: int, most: int, but: Values | None = None
    ) -> Values:
        """int64 [count, most]: fillers, 0 to ``most`` of them, blanks behind.

        but: int64 [count], numbers of fillers that it may not be; there must be another.
        """
        number = rng.integers(most + 1, size=count)
        if but is not None:
            number = (but + 1 + rng.integers(most, size=count)) % (most + 1)
        words = self.words(rng, "filler", (count, most))
        return np.where(np.arange(most) < number[:, None], words, BLANK)

    def repeated(self, rng: np.random.Generator, count: int, split: int) -> tuple[Values, Values]:
        """Blocks of one split, each repeated but for its last word, int64 [count, width], and that
        word, int64 [count]."""
        most = self.codec.longest_block
        blocks = np.zeros((count, most), dtype=np.int64)
        content = np.concatenate([self.codec.words.values(kind) for kind in CONTENT])

        def draw(todo: Values) -> NDArray[np.bool_]:
            lots = rng.random((len(todo), len(content)))
            words = content[np.argsort(lots, axis=1)[:, :most]]
            length = rng.integers(SHORTEST, most + 1, size=len(todo))
            blocks[todo] = np.where(np.arange(most) < length[:, None], words, BLANK)
            return split_by_hash(hash_rows(blocks[todo].astype(np.uint64))) == split

        redraw(count, draw, "few blocks of words")
        last = (blocks != BLANK).sum(axis=1) - 1
        rows = np.arange(count)
        again = blocks.copy()
        again[rows, last] = BLANK
        both = moved_right(np.concatenate([blocks, again], axis=1)).astype(np.int64)
        return both[:, both.shape[1] - self.codec.width :], blocks[rows, last]

    def sizes(self, tasks: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
        """By task, how many different sentences each split has: exactly, by arithmetic. Without
        repeated blocks."""
        return {
            task: tuple(self._size(task, split) for split in range(len(self.material.pairs)))
            for task in tasks
            if task != REPEAT
        }

    def _size(self, task: str, split: int) -> int:
        codec, material = self.codec, self.material
        halves = len(material.pairs[split]) * len(material.templates_of[split])
        others = codec.distractors - (task == TWICE)
        left = codec.words.names - (3 if task == ABC else 2)
        who = {ABB: 1, BAB: 1, ABC: left + 1, TWICE: 2 * codec.distractors}[task]
        fillers = _texts(codec.prefix) * _texts(codec.gap) ** 2
        clauses = perm(left, others) * len(VERBS) ** codec.distractors
        return 2 * halves * who * len(PLACES) * len(OBJECTS) * fillers * clauses


def _texts(most: int) -> int:
    """How many texts of 0 to ``most`` fillers there are."""
    return sum(len(FILLERS) ** count for count in range(most + 1))
