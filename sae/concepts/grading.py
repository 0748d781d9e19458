"""Ranked activations held against what is true of the rows they are on.

Everything is summed over active entries, for each feature and concept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sae.concepts.kernels import add_detected, add_ranks, add_true, raise_f1
from sae.concepts.ranking import Ranking
from sae.concepts.truth import Concepts

Table = NDArray[np.float64]
"""[F, K]: features by concepts."""


@dataclass(frozen=True)
class Half:
    """The rows of one split. true: int16 [m, L], as in Concepts but turned. rows: int64 [m], among
    all N."""

    true: NDArray[np.int16]
    rows: NDArray[np.int64]

    @classmethod
    def of(cls, concepts: Concepts, chosen: NDArray[np.bool_]) -> Half:
        return cls(np.ascontiguousarray(concepts.true[:, chosen].T), concepts.rows[chosen])

    def positives(self, concepts: Concepts, also: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64 [F, K]: rows where concepts are true together with those asked, [F, C]."""
        asked, which = np.unique(also, axis=0, return_inverse=True)
        counts = np.zeros((len(asked), len(concepts)), dtype=np.int64)
        for row, wanted in enumerate(asked):
            held = np.ones(len(self.rows), dtype=np.bool_)
            for k in wanted[wanted >= 0]:
                held &= self.true[:, concepts.label_of[k]] == k
            add_true(self.true, np.flatnonzero(held), counts[row])
        return counts[which.ravel()]


@dataclass(frozen=True)
class Graded:
    """A ranking against concepts. positives: int64 [F, K], rows where each holds. true: int16
    [m, L], as in Half. held: bool [n], the entries where what was asked as well is true."""

    ranking: Ranking
    positives: NDArray[np.int64]
    true: NDArray[np.int16]
    held: NDArray[np.bool_]

    @classmethod
    def of(
        cls, ranking: Ranking, half: Half, concepts: Concepts, also: NDArray[np.int64]
    ) -> Graded:
        held = np.ones(len(ranking.row), dtype=np.bool_)
        for column in also.T:
            wanted = column[ranking.feature]
            held &= (wanted < 0) | (half.true[ranking.row, concepts.label_of[wanted]] == wanted)
        return cls(ranking, half.positives(concepts, also), half.true, held)

    def best(self) -> tuple[Table, Table]:
        """The highest F1 and its threshold, of every positive value of a feature."""
        ranking, shape = self.ranking, self.positives.shape
        f1, threshold, hits = np.zeros(shape), np.full(shape, np.inf), np.zeros(shape, np.int64)
        entries = ranking.feature, ranking.row, ranking.value, self.held, ranking.last
        raise_f1(self.true, *entries, self.positives, hits, f1, threshold)
        return f1, threshold

    def at(self, threshold: Table) -> tuple[Table, Table, Table]:
        """F1, precision and recall of features that say yes from a threshold on."""
        ranking, hits = self.ranking, np.zeros(self.positives.shape, dtype=np.int64)
        entries = ranking.feature, ranking.row, ranking.value, self.held
        add_detected(self.true, *entries, threshold, hits)
        detected = ranking.counts_from(threshold.astype(np.float32))
        return (
            2 * hits / np.maximum(detected + self.positives, 1),
            hits / np.maximum(detected, 1),
            hits / np.maximum(self.positives, 1),
        )

    def auroc(self) -> Table:
        """Mann-Whitney's U over the number of pairs, from the ranks of the true rows."""
        ranking, shape = self.ranking, self.positives.shape
        of_entries, of_zeros = ranking.midranks()
        counts, ranks = np.zeros(shape, dtype=np.int64), np.zeros(shape)
        add_ranks(self.true, ranking.feature, ranking.row, of_entries, self.held, counts, ranks)
        ranks += (self.positives - counts) * of_zeros[:, None]
        negatives = ranking.rows - self.positives
        least = self.positives * (self.positives + 1) / 2
        pairs = self.positives * negatives
        return np.where(pairs > 0, (ranks - least) / np.maximum(pairs, 1), np.nan)
