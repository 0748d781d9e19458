"""A stronger null for learning than the lookup of pairs: one that copies what does not change.

Splits hold out pairs, not what becomes of a single object. Where a rule acts on one of several
objects, this lookup answers from a training pair in which the same object changes beside others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from culture_sim.population.lookup import Lookup, Tokens
from world import QuizBatch

FITTED = 8
"""Pairs of which the task's verifier is asked at once, the most alike first."""


@dataclass(frozen=True, eq=False)
class CopyingLookup(Lookup):
    """Answers a question by the change that a training pair shows: changed tokens are taken from
    the pair, all others from the question.

    For worlds whose pieces have the same places, as grids have. As ``Lookup`` it is told which
    pairs show the rule.
    """

    nearest: ClassVar[int] = 1500

    def _answer(
        self, plain: QuizBatch, quiz: Tokens, which: int, place: int, near: NDArray[np.int64]
    ) -> bool:
        example, given = quiz[1 - which], quiz[which, 1 - place]
        pairs, same = self._renamed(self.pairs[near], example, given, place)
        order = np.lexsort((-same, self._unlike(pairs, given, place)))
        for start in range(0, len(order), FITTED):
            tried = pairs[order[start : start + FITTED]]
            fitting = self._fits(plain, example, tried)
            if fitting.any():
                before, after = (tried[int(fitting.argmax()), k] for k in (1 - place, place))
                made = np.where(before == after, given, after)
                return bool((made == quiz[which, place]).all())
        return False

    def _unlike(self, pairs: Tokens, given: Tokens, place: int) -> NDArray[np.int64]:
        """int64 [k]: tokens in which what changes in a pair [k, 2, M] is not as in the given
        piece [M]: those that change, and all of the values that they have before or after."""
        before, after = pairs[:, 1 - place], pairs[:, place]
        changed = before != after
        counted = changed.copy()
        for value in np.flatnonzero(self._renamable).tolist():
            of_it = (changed & ((before == value) | (after == value))).any(axis=1, keepdims=True)
            counted |= of_it & ((before == value) | (given == value))
        return np.asarray((counted & (before != given)).sum(axis=1))
