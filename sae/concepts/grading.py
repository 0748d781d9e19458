"""Ranked activations held against what is true of the rows they are on.

Everything is summed over active entries, in groups of one feature and one concept of a label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sae.concepts.ranking import Ranking
from sae.concepts.truth import Concepts

Table = NDArray[np.float64]
"""[F, K]: features by concepts."""


@dataclass(frozen=True)
class Half:
    """The rows of one split. true: int16 [L, m], as in Concepts. rows: int64 [m], among all N."""

    true: NDArray[np.int16]
    rows: NDArray[np.int64]

    @classmethod
    def of(cls, concepts: Concepts, chosen: NDArray[np.bool_]) -> Half:
        return cls(concepts.true[:, chosen], concepts.rows[chosen])

    def positives(self, concepts: Concepts, also: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64 [F, K]: rows where concepts are true together with those asked, [F, C]."""
        asked, which = np.unique(also, axis=0, return_inverse=True)
        counts = np.zeros((len(asked), len(concepts)), dtype=np.int64)
        for row, wanted in enumerate(asked):
            held = np.ones(len(self.rows), dtype=np.bool_)
            for k in wanted[wanted >= 0]:
                held &= self.true[concepts.label_of[k]] == k
            true = self.true[:, np.flatnonzero(held)]
            counts[row] = np.bincount(true[true >= 0], minlength=len(concepts))
        return counts[which.ravel()]


@dataclass(frozen=True)
class Graded:
    """A ranking against concepts. positives: int64 [F, K], rows where each holds. spans: first
    and past last concept of each label. true: int16 [L, n], what holds at each entry."""

    ranking: Ranking
    positives: NDArray[np.int64]
    spans: list[tuple[int, int]]
    true: NDArray[np.int16]

    @classmethod
    def of(
        cls, ranking: Ranking, half: Half, concepts: Concepts, also: NDArray[np.int64]
    ) -> Graded:
        true = half.true[:, ranking.row]
        entries = np.arange(len(ranking.row))
        held = np.ones(len(entries), dtype=np.bool_)
        for column in also.T:
            wanted = column[ranking.feature]
            held &= (wanted < 0) | (true[concepts.label_of[wanted], entries] == wanted)
        true[:, ~held] = -1
        return cls(ranking, half.positives(concepts, also), concepts.spans, true)

    def best(self) -> tuple[Table, Table]:
        """The highest F1 and its threshold, of every positive value of a feature."""
        f1, threshold = np.zeros(self.positives.shape), np.full(self.positives.shape, np.inf)
        for label, (start, stop) in enumerate(self.spans):
            held = np.flatnonzero((self.true[label] >= 0) & (self.ranking.value > 0))
            group = self._group(held, label, start, stop)
            order = np.argsort(group, kind="stable")
            held, group = held[order], group[order]
            wanted = self.positives[:, start:stop].ravel()[group]
            opens, best, at = _best(group, self.ranking.last[held] + 1 + wanted)
            place = np.divmod(group[opens], stop - start)
            f1[:, start:stop][place] = best
            threshold[:, start:stop][place] = self.ranking.value[held[at]]
        return f1, threshold

    def at(self, threshold: Table) -> tuple[Table, Table, Table]:
        """F1, precision and recall of features that say yes from a threshold on."""
        hits = np.zeros(self.positives.shape, dtype=np.int64)
        for label, (start, stop) in enumerate(self.spans):
            held = np.flatnonzero(self.true[label] >= 0)
            group = self._group(held, label, start, stop)
            yes = self.ranking.value[held] >= threshold[:, start:stop].ravel()[group]
            hits[:, start:stop] = self._summed(group[yes], start, stop)
        detected = self.ranking.counts_from(threshold.astype(np.float32))
        return (
            2 * hits / np.maximum(detected + self.positives, 1),
            hits / np.maximum(detected, 1),
            hits / np.maximum(self.positives, 1),
        )

    def auroc(self) -> Table:
        """Mann-Whitney's U over the number of pairs, from the ranks of the true rows."""
        of_entries, of_zeros = self.ranking.midranks()
        ranks = np.zeros(self.positives.shape)
        for label, (start, stop) in enumerate(self.spans):
            held = np.flatnonzero(self.true[label] >= 0)
            group = self._group(held, label, start, stop)
            zeros = self.positives[:, start:stop] - self._summed(group, start, stop)
            ranks[:, start:stop] = self._summed(group, start, stop, of_entries[held])
            ranks[:, start:stop] += zeros * of_zeros[:, None]
        negatives = self.ranking.rows - self.positives
        least = self.positives * (self.positives + 1) / 2
        pairs = self.positives * negatives
        return np.where(pairs > 0, (ranks - least) / np.maximum(pairs, 1), np.nan)

    def _group(
        self, held: NDArray[np.int64], label: int, start: int, stop: int
    ) -> NDArray[np.uint16] | NDArray[np.int64]:
        """For entries, a number for each feature and concept of a label; small ones sort fast."""
        group = self.ranking.feature[held] * (stop - start) + self.true[label, held] - start
        fits = self.ranking.size * (stop - start) <= np.iinfo(np.uint16).max
        return group.astype(np.uint16) if fits else group

    def _summed(
        self,
        group: NDArray[Any],
        start: int,
        stop: int,
        weights: NDArray[np.float64] | None = None,
    ) -> NDArray[Any]:
        """[F, concepts of a label]: how many entries, or the sum of their weights."""
        shape = self.ranking.size, stop - start
        return np.bincount(group, weights, minlength=shape[0] * shape[1]).reshape(shape)


def _best(
    group: NDArray[Any], marked: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """The highest F1 of each group of true entries, group [n] ascending, from the highest entry.

    marked: int64 [n], rows detected down to each entry plus rows where the concept is true; F1 is
    twice the hits over this. Returns where groups start, their F1, and the entry that gives it.
    """
    opens = np.flatnonzero(np.diff(group, prepend=-1))
    if not len(opens):
        return opens, np.zeros(0), opens
    lengths = np.diff(np.append(opens, len(group)))
    # Counted short within a run of ties, but for its last entry, which the maximum takes.
    f1 = 2 * (np.arange(len(group)) - np.repeat(opens, lengths) + 1) / marked
    best = np.maximum.reduceat(f1, opens)
    reached = np.flatnonzero(f1 == np.repeat(best, lengths))
    return opens, best, reached[np.diff(group[reached], prepend=-1) != 0]
