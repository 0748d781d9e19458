"""Covariances of features in units of their spread on the selection split, and what follows.

All that linear prediction of one agent's features from another's needs is in these matrices, so
that nothing here grows with the number of tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from sae.matching.correlation import code_covariance
from sae.matching.features import Features

RIDGE = 0.01
"""Penalty on the squared weights of standardised features, per token."""
MOST_PREDICTED = 4096
"""Features up to which one agent's are predicted from all of another's: time grows with their
cube and memory with their square."""


@dataclass(frozen=True)
class Covariance:
    """Between features of two agents, on either split of the quizzes: float64 [Ca, Cb] of all with
    all, or [Ca] of each with one."""

    selection: NDArray[np.float64]
    evaluation: NDArray[np.float64]

    @property
    def turned(self) -> Covariance:
        """From b to a."""
        return Covariance(self.selection.T, self.evaluation.T)

    def with_match(self, match: NDArray[np.int64]) -> Covariance:
        """float64 [Ca]: of each feature of a with its match [Ca] in b, NaN for -1."""
        values = np.full((2, len(match)), np.nan)
        rows = np.flatnonzero(match >= 0)
        values[:, rows] = self.selection[rows, match[rows]], self.evaluation[rows, match[rows]]
        return Covariance(values[0], values[1])

    def among(self, columns: Sequence[int]) -> Covariance:
        """float64 [n, n]: of some of the features, where a is b."""
        chosen = np.ix_(columns, columns)
        return Covariance(self.selection[chosen], self.evaluation[chosen])


def covariance(a: Features, b: Features) -> Covariance:
    """Covariances of all features of a with all of b, each divided by its standard deviation on
    the selection split, where they are correlations therefore."""
    scale = np.outer(a.selection.moments.deviation, b.selection.moments.deviation)
    return Covariance(
        code_covariance(a.selection, b.selection) / scale,
        code_covariance(a.evaluation, b.evaluation) / scale,
    )


def own_covariance(features: Features) -> Covariance:
    """Covariances of the features of one agent with each other, in the same units.

    The products of their codes are formed once and kept with these.
    """
    deviation = features.selection.moments.deviation
    scale = np.outer(deviation, deviation)
    return Covariance(features.selection.covariance / scale, features.evaluation.covariance / scale)


def predictable(a: Features, b: Features) -> bool:
    """Whether there are few enough features to predict those of each from the other's."""
    return max(a.compared, b.compared) <= MOST_PREDICTED


def predicted(
    between: Covariance, of_b: Covariance, variance: NDArray[np.float64]
) -> NDArray[np.float64]:
    """float64 [Ca]: share of the variance of each feature of a that all features of b predict.

    Ridge regression fitted on the selection split, R^2 on the evaluation one (negative where the
    prediction is worse than the mean). between: of a with b. of_b: of b with itself. variance:
    float64 [Ca], of a's features on the evaluation split, in the same units.
    """
    if not len(of_b.selection):
        return np.full(len(between.selection), np.nan)
    gram = of_b.selection + RIDGE * np.eye(len(of_b.selection))
    weights = linalg.solve(gram, between.selection.T, assume_a="pos")
    explained = 2 * np.einsum("ij,ji->i", between.evaluation, weights)
    explained -= np.einsum("ji,jk,ki->i", weights, of_b.evaluation, weights, optimize=True)
    return np.asarray(explained / variance)
