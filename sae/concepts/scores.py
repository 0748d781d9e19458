"""How well each feature detects each concept: F1 at its best threshold, and AUROC.

The threshold that maximises F1 is chosen on one half of the quizzes, the figures at that threshold
are of the other half; AUROC chooses nothing and is of the other half as well.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sae.concepts.ranking import Codes, Ranking, block_size, blocks, rank
from sae.concepts.truth import Concepts

Table = NDArray[np.float64]
"""[F, K]: features by concepts."""


@dataclass(frozen=True)
class Scores:
    """F features as detectors of K concepts, all float64 [F, K].

    chosen_f1: best F1 on the choosing half, 0 where the feature is never active with the concept.
    threshold: positive, where that is reached; infinite where there is none. f1, precision, recall:
    on the reported half at that threshold; a precision of nothing detected is 0. auroc: on the
    reported half, the chance that the feature is higher where the concept is true; ties count half.
    """

    chosen_f1: Table
    threshold: Table
    f1: Table
    precision: Table
    recall: Table
    auroc: Table

    def of(self, features: NDArray[np.int64]) -> Scores:
        """The scores of some features."""
        return Scores(*(getattr(self, each.name)[features] for each in fields(self)))


@dataclass(frozen=True)
class _Half:
    """The rows of one half. true: int16 [L, m], as in Concepts. rows: int64 [m], among all N."""

    true: NDArray[np.int16]
    rows: NDArray[np.int64]

    @classmethod
    def of(cls, concepts: Concepts, chosen: NDArray[np.bool_]) -> _Half:
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


def score_features(
    codes: Codes, concepts: Concepts, also: NDArray[np.int64] | None = None
) -> Scores:
    """Grade features, codes [N, F] of all rows, as detectors of every concept.

    also: int64 [F, C], concepts by number that must be true as well, so that conjunctions with
    them are graded; -1 for none.
    """
    if codes.shape[0] != concepts.total:
        raise ValueError(f"codes must have {concepts.total} rows, got {codes.shape[0]}")
    also = np.zeros((codes.shape[1], 0), dtype=np.int64) if also is None else also
    halves = [_Half.of(concepts, chosen) for chosen in (~concepts.reported, concepts.reported)]
    shape = codes.shape[1], len(concepts)
    found = Scores(*(np.zeros(shape) for _ in range(6)))
    size = block_size(codes)
    parts = zip(*(blocks(codes, half.rows, size) for half in halves), strict=True)
    for number, pair in enumerate(parts):
        own = slice(number * size, (number + 1) * size)
        first, second = (
            _Graded.of(rank(part), half, concepts, also[own])
            for part, half in zip(pair, halves, strict=True)
        )
        found.chosen_f1[own], found.threshold[own] = first.best()
        figures = second.at(found.threshold[own])
        found.f1[own], found.precision[own], found.recall[own] = figures
        found.auroc[own] = second.auroc()
    return found


@dataclass(frozen=True)
class _Graded:
    """A ranking against concepts. positives: int64 [F, K], rows where each holds. spans: first
    and past last concept of each label. true: int16 [L, n], what holds at each entry."""

    ranking: Ranking
    positives: NDArray[np.int64]
    spans: list[tuple[int, int]]
    true: NDArray[np.int16]

    @classmethod
    def of(
        cls, ranking: Ranking, half: _Half, concepts: Concepts, also: NDArray[np.int64]
    ) -> _Graded:
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
            opens = np.flatnonzero(np.diff(group, prepend=-1))
            if not len(opens):
                continue
            lengths = np.diff(np.append(opens, len(group)))
            # Counted short within a run of ties, but for its last entry, which the maximum takes.
            hits = np.arange(len(group)) - np.repeat(opens, lengths) + 1
            wanted = self.positives[:, start:stop].ravel()[group]
            value = 2 * hits / (self.ranking.last[held] + 1 + wanted)
            best = np.maximum.reduceat(value, opens)
            at = np.flatnonzero(value == np.repeat(best, lengths))
            at = at[np.diff(group[at], prepend=-1) != 0]
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
        own, of_zeros = self.ranking.midranks()
        ranks = np.zeros(self.positives.shape)
        for label, (start, stop) in enumerate(self.spans):
            held = np.flatnonzero(self.true[label] >= 0)
            group = self._group(held, label, start, stop)
            zeros = self.positives[:, start:stop] - self._summed(group, start, stop)
            ranks[:, start:stop] = self._summed(group, start, stop, own[held])
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
