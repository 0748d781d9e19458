"""The features of one SAE that take part in a comparison, and their correlation with others'."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sae.correlation import FeatureMoments, correlation_of_moments, feature_moments, product
from sae.universality import quiz_sums


@dataclass(frozen=True)
class Features:
    """What one SAE makes of N tokens. F features, C of which are compared.

    codes: float32 [N, C], of the compared features. index: int64 [C], which features these
    are. moments: theirs. firings: int64 [F], tokens on which each feature fires.
    """

    codes: sparse.csr_array
    index: NDArray[np.int64]
    moments: FeatureMoments
    firings: NDArray[np.int64]

    @property
    def size(self) -> int:
        """F: all features, compared or not."""
        return len(self.firings)

    def correlation(
        self, other: Features, codes: sparse.csr_array | None = None
    ) -> NDArray[np.float64]:
        """float64 [C, C']: Pearson's r with another's features, or its permuted ``codes``."""
        cross = product(self.codes, other.codes if codes is None else codes)
        return correlation_of_moments(cross, self.moments, other.moments)


def select_features(codes: sparse.csr_array, min_firings: int) -> Features:
    """The features of codes [N, F] that fire on ``min_firings`` tokens and vary."""
    moments = feature_moments(codes)
    compared = (moments.firings >= min_firings) & np.isfinite(moments.deviation)
    index = np.flatnonzero(compared)
    chosen = FeatureMoments(
        moments.tokens, moments.mean[index], moments.deviation[index], moments.firings[index]
    )
    return Features(codes[:, index].tocsr(), index, chosen, moments.firings)


@dataclass(frozen=True)
class Resampler:
    """Correlations of given pairs of features on bootstrap resamples of quizzes.

    weights: float64 [R, Q], how often each quiz is in each resample. quiz: int64 [N].
    """

    weights: NDArray[np.float64]
    quiz: NDArray[np.int64]

    def correlation(
        self, x: sparse.csr_array, y: sparse.csr_array, match: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """float64 [R, C]: r of each feature of x [N, C] with its match [C] in y, NaN for -1."""
        r = np.full((len(self.weights), x.shape[1]), np.nan)
        matched = np.flatnonzero(match >= 0)
        if len(matched):
            pairs = x[:, matched].tocsr(), y[:, match[matched]].tocsr()
            sums = quiz_sums(*pairs, self.quiz, self.weights.shape[1])
            r[:, matched] = sums.correlation(self.weights)
        return r
