"""The null for learning: what an agent could answer that had learned pairs by heart, and no rule.

The lookup knows the pairs of as many training quizzes as all agents of a run saw, and is told which
of them show the rule of the example; only applying the rule is beyond it. An agent that is well
above it has learned more than pairs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from culture_sim.culture.analysis.nearness import joint_counts
from world import QuizBatch, QuizWorld
from world.core.by_heart import ByHeartWorld
from world.core.rules import ExplainedWorld

Tokens = NDArray[np.unsignedinteger]
CHUNK = 64
"""Questions whose distances to all pairs are in memory at once."""


@dataclass(frozen=True, eq=False)
class Lookup:
    """Answers questions from pairs [n, 2, M] seen in training, of a world whose quizzes are an
    example of two pieces and a question of two."""

    world: QuizWorld
    pairs: Tokens
    nearest: ClassVar[int] = 64
    """Pairs that are looked at for a question: the nearest if colours are taken for one."""

    @classmethod
    def of(cls, world: QuizWorld, seen: QuizBatch) -> Self | None:
        """The pairs of training quizzes, in both directions; None where a world has no pairs or
        rules."""
        if world.example_parts != 2 or not isinstance(world, ExplainedWorld):
            return None
        lookup = cls(world, seen.tokens[:0].reshape(0, 2, 0))
        _, first = np.unique(world.units_of(seen), return_index=True)
        pairs = lookup.pairs_of(seen).reshape(-1, *lookup.shape)[first]
        return replace(lookup, pairs=np.concatenate([pairs, pairs[:, ::-1]]))

    @property
    def known(self) -> int:
        """How many pairs, whichever way round."""
        return len(self.pairs) // 2

    @property
    def shape(self) -> tuple[int, int]:
        """Of a pair: two pieces, and the tokens of the longer of them."""
        return 2, max(map(len, self._places))

    @cached_property
    def _places(self) -> list[NDArray[np.int64]]:
        """Of the four pieces in layout 0: where their free tokens stand."""
        free, slots = self.world.allowed[0].sum(axis=1) > 1, self.world.slots[0]
        return [np.flatnonzero(free & (slots == piece)) for piece in range(4)]

    def pairs_of(self, batch: QuizBatch) -> Tokens:
        """[B, 2, 2, M]: the pieces of both pairs of each quiz, padded with zeros at the end."""
        tokens = self.world.arrange(batch, 0).tokens
        pieces = np.zeros((len(batch), 4, self.shape[1]), dtype=tokens.dtype)
        for piece, places in enumerate(self._places):
            pieces[:, piece, : len(places)] = tokens[:, places]
        return pieces.reshape(len(batch), 2, *self.shape)

    def correct(self, exam: QuizBatch) -> NDArray[np.bool_]:
        """bool [B]: which questions it answers exactly, each asked in the layout of its row."""
        correct = np.zeros(len(exam), dtype=np.bool_)
        for layout in np.unique(exam.layout).tolist():
            asked = self.world.layouts[layout].parts[-1]
            rows = np.flatnonzero(exam.layout == layout)
            for start in range(0, len(rows), CHUNK):
                chunk = rows[start : start + CHUNK]
                correct[chunk] = self._correct(exam[chunk], asked)
        return correct

    def _correct(self, exam: QuizBatch, asked: int) -> NDArray[np.bool_]:
        """The same of quizzes that all ask for one piece."""
        quizzes, (which, place) = self.pairs_of(exam), divmod(asked, 2)
        plain, given = self.world.arrange(exam, 0), quizzes[:, which, 1 - place]
        nearest = self._nearest(given, 1 - place)
        return np.array(
            [
                self._answer(plain[row : row + 1], quizzes[row], which, place, nearest[row])
                for row in range(len(exam))
            ]
        )

    def _nearest(self, given: Tokens, place: int) -> NDArray[np.int64]:
        """int64 [B, k]: pairs with the least tokens that differ, renamable values taken for one."""
        values, known = self._renamable.astype(np.uint8), self.pairs[:, place]
        kinds = np.where(values, 1, np.arange(len(values)) + 2).astype(np.int16)
        one, other = kinds[given], kinds[known]
        same = np.zeros((len(given), len(known)), dtype=np.float32)
        for kind in np.unique(one).tolist():
            same += (one == kind).astype(np.float32) @ (other == kind).T.astype(np.float32)
        count = min(self.nearest, len(known))
        return np.argpartition(-same, count - 1, axis=1)[:, :count]

    def _answer(
        self, plain: QuizBatch, quiz: Tokens, which: int, place: int, near: NDArray[np.int64]
    ) -> bool:
        """Whether the nearest pair that fits the example of a quiz [2, 2, M] has its answer.

        which: of its pairs is asked for. place: of the answer in it. near: pairs to choose from.
        """
        example, given = quiz[1 - which], quiz[which, 1 - place]
        pairs, same = self._renamed(self.pairs[near], example, given, place)
        pairs = pairs[np.argsort(-same, kind="stable")]
        right = (pairs[:, place] == quiz[which, place]).all(axis=1)
        if not right.any():
            return False
        fitting = self._fits(plain, example, pairs)
        return bool(right[int(fitting.argmax())])

    def _renamed(
        self, pairs: Tokens, example: Tokens, given: Tokens, place: int
    ) -> tuple[Tokens, NDArray[np.int64]]:
        """Pairs [k, 2, M] in the colours of the question, and the tokens int64 [k] that the given
        piece [M] then shares with theirs.

        Colours that only the answer has are those that only the example's answer has.
        """
        from scipy.optimize import linear_sum_assignment  # slow to import

        size = len(self._renamable)
        values = np.flatnonzero(self._renamable)
        counts = joint_counts(pairs[:, 1 - place], np.tile(given, (len(pairs), 1)), size)
        asked = _only_in(example[None], place, size)[0]
        names = np.tile(np.arange(size), (len(pairs), 1))
        same = counts[:, ~self._renamable, ~self._renamable].sum(axis=1)
        score = 2 * counts + (_only_in(pairs, place, size)[:, :, None] & asked)
        renamed = score[:, values[:, None], values]
        best = [linear_sum_assignment(one, maximize=True)[1] for one in renamed]
        others = np.array(best, dtype=np.int64).reshape(len(pairs), len(values))
        names[:, values] = values[others]
        same += np.take_along_axis(renamed, others[:, :, None], 2).sum(axis=(1, 2)) // 2
        rows = np.arange(len(pairs))[:, None, None]
        return names[rows, pairs].astype(pairs.dtype), same

    def _fits(self, plain: QuizBatch, example: Tokens, pairs: Tokens) -> NDArray[np.bool_]:
        """bool [k]: which pairs show the rule of an example [2, M], as the rule's task judges."""
        assert isinstance(self.world, ExplainedWorld)
        tokens = np.repeat(plain.tokens, len(pairs), axis=0)
        for place in range(2):
            one, other = self._places[place], self._places[2 + place]
            tokens[:, one] = example[place, : len(one)]
            tokens[:, other] = pairs[:, place, : len(other)]
        layout = np.zeros(len(pairs), dtype=np.uint8)
        quizzes = QuizBatch(tokens, layout, np.repeat(plain.task, len(pairs)))
        return self.world.follows(quizzes, self.world.tasks[int(plain.task[0])])

    @cached_property
    def _renamable(self) -> NDArray[np.bool_]:
        """bool [V]: values that may be exchanged for each other."""
        none = np.zeros((0, self.world.seq_len), dtype=self.world.token_dtype)
        empty = QuizBatch(none, np.zeros(0, dtype=np.uint8), np.zeros(0, dtype=np.int16))
        return self.world.symmetries(empty).renamable


@dataclass(frozen=True, eq=False)
class ByHeart:
    """What a world says can be answered by heart from training quizzes."""

    world: ByHeartWorld
    seen: QuizBatch
    known: int

    def correct(self, exam: QuizBatch) -> NDArray[np.bool_]:
        """bool [B]: which questions it answers exactly."""
        return self.world.by_heart(self.seen, exam)


def lookup_of(world: QuizWorld, seen: QuizBatch) -> Lookup | ByHeart | None:
    """What knows the units of training quizzes; None where a world has no such."""
    if isinstance(world, ByHeartWorld):
        return ByHeart(world, seen, len(np.unique(world.units_of(seen)[:, 0])))
    return Lookup.of(world, seen)


def _only_in(pairs: Tokens, place: int, size: int) -> NDArray[np.bool_]:
    """bool [k, V]: values that one piece of each pair [k, 2, M] has and the other has not."""
    present = np.zeros((*pairs.shape[:2], size), dtype=np.bool_)
    np.put_along_axis(present, pairs.astype(np.int64), True, axis=2)
    return present[:, place] & ~present[:, 1 - place]
