"""Coverage: how well the concepts are detected, each by the feature that does it best.

After Karvonen et al. 2024, "Measuring Progress in Dictionary Learning for Language Model
Interpretability with Board Game Models": for each concept the best F1 of any feature, in the mean
over concepts. Here the feature is chosen on one split of the quizzes, with its threshold, and its
F1 is of the other, so that more features do not cover more by chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sae.concepts.ranking import Codes
from sae.concepts.scores import Scores
from sae.concepts.truth import Concepts
from sae.statistics.resampling import resample_weights

RESAMPLES = 300
"""Bootstrap resamples of quizzes."""


@dataclass(frozen=True)
class Mean:
    """A mean over concepts. value: of their F1. low, high: 95 % percentile bootstrap over quizzes,
    each concept keeping its feature. always: the F1 of saying yes at every token. concepts: how
    many."""

    value: float
    low: float
    high: float
    always: float
    concepts: int


@dataclass(frozen=True)
class Coverage:
    """K concepts and the feature that detects each best.

    feature: int64 [K], chosen with its threshold on the selection split; -1 where no feature is
    ever active with the concept. f1: float64 [K], on the evaluation split. overall: the mean over
    all concepts. by_label: over those of one (moment, label).
    """

    feature: NDArray[np.int64]
    f1: NDArray[np.float64]
    overall: Mean
    by_label: dict[tuple[str, str], Mean]


def cover(
    codes: Codes,
    concepts: Concepts,
    scores: Scores,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> Coverage:
    """Coverage by codes [N, F], from what ``score_features`` made of them."""
    if not len(concepts):
        nothing = Mean(np.nan, np.nan, np.nan, np.nan, 0)
        return Coverage(np.zeros(0, dtype=np.int64), np.zeros(0), nothing, {})
    every = np.arange(len(concepts))
    best = scores.chosen_f1.argmax(axis=0)
    feature = np.where(scores.chosen_f1[best, every] > 0, best, -1)
    counts = _counts(codes, concepts, best, scores.threshold[best, every])
    weights = resample_weights(np.arange(len(counts.hits)), resamples, rng)
    always = 2 * concepts.prevalence / (1 + concepts.prevalence)
    f1, resampled = counts.f1(np.ones((1, weights.shape[1])))[0], counts.f1(weights)

    def mean(start: int, stop: int) -> Mean:
        low, high = np.percentile(resampled[:, start:stop].mean(axis=1), [2.5, 97.5])
        value, flat = f1[start:stop].mean(), always[start:stop].mean()
        return Mean(float(value), float(low), float(high), float(flat), stop - start)

    by_label = {
        (concepts.concepts[start].moment, concepts.concepts[start].label): mean(start, stop)
        for start, stop in concepts.spans
    }
    return Coverage(feature, f1, mean(0, len(concepts)), by_label)


@dataclass(frozen=True)
class _Counts:
    """Of S quizzes and K detectors, all float64 [S, K]: rows where the concept is true, where it
    is detected, and both."""

    positives: NDArray[np.float64]
    detected: NDArray[np.float64]
    hits: NDArray[np.float64]

    def f1(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64 [R, K]: F1 with quizzes weighted by [R, S]."""
        marked = weights @ self.positives + weights @ self.detected
        return 2 * (weights @ self.hits) / np.maximum(marked, 1)


def _counts(
    codes: Codes,
    concepts: Concepts,
    feature: NDArray[np.int64],
    threshold: NDArray[np.float64],
) -> _Counts:
    """Counts by quiz on the evaluation split, of a feature [K] and threshold [K] a concept."""
    evaluation = np.flatnonzero(concepts.evaluation)
    sources, source = np.unique(concepts.source[evaluation], return_inverse=True)
    shape = len(sources), len(concepts)
    counts = _Counts(*(np.zeros(shape) for _ in range(3)))
    columns = sparse.csc_array(codes[concepts.rows[evaluation]])
    for k in range(shape[1]):
        yes = columns[:, [feature[k]]].toarray().ravel() >= threshold[k]
        true = concepts.true[concepts.label_of[k], evaluation] == k
        for name, flags in (("positives", true), ("detected", yes), ("hits", true & yes)):
            getattr(counts, name)[:, k] = np.bincount(source[flags], minlength=shape[0])
    return counts
