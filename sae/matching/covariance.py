"""Covariances of features in units of their spread on the choosing half, and what follows.

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
    """Between features of two agents, on the choosing and the reported half: float64 [Ca, Cb] of
    all with all, or [Ca] of each with one."""

    choosing: NDArray[np.float64]
    reported: NDArray[np.float64]

    @property
    def turned(self) -> Covariance:
        """From b to a."""
        return Covariance(self.choosing.T, self.reported.T)

    def with_match(self, match: NDArray[np.int64]) -> Covariance:
        """float64 [Ca]: of each feature of a with its match [Ca] in b, NaN for -1."""
        found = np.full((2, len(match)), np.nan)
        rows = np.flatnonzero(match >= 0)
        found[:, rows] = self.choosing[rows, match[rows]], self.reported[rows, match[rows]]
        return Covariance(found[0], found[1])

    def among(self, some: Sequence[int]) -> Covariance:
        """float64 [n, n]: of some of the features, where a is b."""
        chosen = np.ix_(some, some)
        return Covariance(self.choosing[chosen], self.reported[chosen])


def covariance(a: Features, b: Features) -> Covariance:
    """Covariances of all features of a with all of b, each divided by its standard deviation on
    the choosing half, where they are correlations therefore."""
    scale = np.outer(a.choosing.moments.deviation, b.choosing.moments.deviation)
    return Covariance(
        code_covariance(a.choosing, b.choosing) / scale,
        code_covariance(a.reported, b.reported) / scale,
    )


def predicted(
    between: Covariance, of_b: Covariance, variance: NDArray[np.float64]
) -> NDArray[np.float64]:
    """float64 [Ca]: share of the variance of each feature of a that all features of b predict.

    Ridge regression fitted on the choosing half, R^2 on the reported one (negative where the
    prediction is worse than the mean). between: of a with b. of_b: of b with itself. variance:
    float64 [Ca], of a's features on the reported half, in the same units.
    """
    if not len(of_b.choosing):
        return np.full(len(between.choosing), np.nan)
    gram = of_b.choosing + RIDGE * np.eye(len(of_b.choosing))
    weights = linalg.solve(gram, between.choosing.T, assume_a="pos")
    explained = 2 * np.einsum("ij,ji->i", between.reported, weights)
    explained -= np.einsum("ji,jk,ki->i", weights, of_b.reported, weights, optimize=True)
    return np.asarray(explained / variance)
