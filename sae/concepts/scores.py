"""How well each feature detects each concept: F1 at its best threshold, and AUROC.

The threshold that maximises F1 is chosen on one split of the quizzes, the figures at that threshold
are of the other split; AUROC chooses nothing and is of the other as well.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from sae.concepts.grading import Graded, Half, Table
from sae.concepts.ranking import Codes, block_size, blocks, rank
from sae.concepts.truth import Concepts


@dataclass(frozen=True)
class Scores:
    """F features as detectors of K concepts, all float64 [F, K].

    chosen_f1: best F1 on the selection split, 0 where the feature is never active with the concept.
    threshold: positive, where that is reached; infinite where there is none. f1, precision, recall:
    on the evaluation split at that threshold; a precision of nothing detected is 0. auroc: on the
    evaluation split, the chance that the feature is higher where the concept is true; ties count
    half.
    """

    chosen_f1: Table
    threshold: Table
    f1: Table
    precision: Table
    recall: Table
    auroc: Table

    def of(self, features: NDArray[np.int64]) -> Scores:
        """The scores of some features."""
        return Scores(*(getattr(self, table.name)[features] for table in fields(self)))


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
    halves = [Half.of(concepts, chosen) for chosen in (~concepts.evaluation, concepts.evaluation)]
    shape = codes.shape[1], len(concepts)
    scores = Scores(*(np.zeros(shape) for _ in range(6)))
    size = block_size(codes)
    parts = zip(*(blocks(codes, half.rows, size) for half in halves), strict=True)
    for number, pair in enumerate(parts):
        block = slice(number * size, (number + 1) * size)
        first, second = (
            Graded.of(rank(part), half, concepts, also[block])
            for part, half in zip(pair, halves, strict=True)
        )
        scores.chosen_f1[block], scores.threshold[block] = first.best()
        figures = second.at(scores.threshold[block])
        scores.f1[block], scores.precision[block], scores.recall[block] = figures
        scores.auroc[block] = second.auroc()
    return scores
