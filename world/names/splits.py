"""What is held out of sentences: pairs of names, and templates, each exactly so many.

A template is an opening and an ending; each of them comes as often as any other in every split,
so that what is held out is how they go together, not their words.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from world.core.hashing import mix
from world.names.sentences import Values
from world.names.words import Words

TENTH = 10
"""One of so many pairs is in the split test, and as many in sae; at least one is."""
TEST, SAE = 1, 2
_PAIRS, _TEMPLATES = np.uint64(1 << 32), np.uint64(1 << 33)


@dataclass(frozen=True)
class Material:
    """The pairs of names and the templates that there are, and the split of each."""

    words: Words
    templates: int

    @cached_property
    def pairs(self) -> tuple[Values, ...]:
        """By split, int64 [n, 2]: values of names, the smaller first."""
        names = self.words.values("name")
        both = np.stack(np.triu_indices(len(names), 1), axis=1)
        split = self._split_of_pair[both[:, 0], both[:, 1]]
        return tuple(names[both[split == s]] for s in range(3))

    @cached_property
    def _split_of_pair(self) -> NDArray[np.uint8]:
        """uint8 [names, names]: by the numbers of two names, in either order."""
        count = len(self.words.values("name"))
        one, other = np.triu_indices(count, 1)
        lots = mix((one * count + other).astype(np.uint64))
        held_out = max(1, len(one) // TENTH)
        order, split = np.argsort(lots, kind="stable"), np.zeros((count, count), dtype=np.uint8)
        for s in (TEST, SAE):
            chosen = order[(s - 1) * held_out : s * held_out]
            split[one[chosen], other[chosen]] = split[other[chosen], one[chosen]] = s
        return split

    @cached_property
    def templates_of(self) -> tuple[Values, ...]:
        """By split, int64 [n, 2]: openings and endings; where there is one, it is in every
        split."""
        all_ = np.indices((self.templates, self.templates)).reshape(2, -1).T
        if self.templates == 1:
            return (all_,) * 3
        split = self.template_split(all_[:, 0], all_[:, 1])
        return tuple(all_[split == s] for s in range(3))

    def template_split(self, opening: Values, ending: Values) -> NDArray[np.uint8]:
        """uint8 [B]: of every opening, one ending is in the split test and one in sae."""
        step = (ending - opening) % self.templates
        return np.where(step == TEST, TEST, np.where(step == SAE, SAE, 0)).astype(np.uint8)

    def pair_split(self, one: Values, other: Values) -> NDArray[np.uint8]:
        """uint8 [B]: of two different names, whichever comes first."""
        first = self.words.values("name")[0]
        return self._split_of_pair[one - first, other - first]

    def pair_hash(self, one: Values, other: Values) -> NDArray[np.uint64]:
        """uint64 [B]: the same for a pair in either order."""
        both = np.minimum(one, other) * len(self.words.vocab) + np.maximum(one, other)
        return mix(both.astype(np.uint64) + _PAIRS)

    def template_hash(self, opening: Values, ending: Values) -> NDArray[np.uint64]:
        """uint64 [B]."""
        return mix((opening * self.templates + ending).astype(np.uint64) + _TEMPLATES)
