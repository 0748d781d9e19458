"""Which features fire on one group of quizzes more than on another; the quiz is the unit."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse, stats

LEAST_QUIZZES = 10
"""Quizzes, of both groups together, on which a feature must fire to be tested."""


def firing_shares(
    codes: sparse.csr_array, quiz: NDArray[np.int64], quizzes: int
) -> NDArray[np.float64]:
    """float64 [Q, F]: of each quiz's tokens, the share on which each feature of codes [N, F] fires.

    quiz: int64 [N], 0 .. Q - 1. A quiz without tokens has NaN.
    """
    tokens = np.bincount(quiz, minlength=quizzes)
    rows = np.arange(len(quiz))
    member = sparse.csr_array((np.ones(len(quiz)), (quiz, rows)), shape=(quizzes, len(quiz)))
    fires = sparse.csr_array(codes > 0).astype(np.float64)
    with np.errstate(invalid="ignore"):
        return np.asarray((member @ fires).toarray() / tokens[:, None])


def occurrence(shares: NDArray[np.float64], other: NDArray[np.float64]) -> pd.DataFrame:
    """How often each of F features fires in two groups of quizzes.

    shares: float64 [Q, F] of the group in question, other: float64 [P, F] of the one it is held
    against; different quizzes, each once. Columns: feature, share and share_other (means over
    quizzes), quizzes and quizzes_other (on how many it fires at all), difference, and p, of a
    two-sided t-test for unequal variances (B. L. Welch 1947); NaN for features that fire on fewer
    than ``LEAST_QUIZZES``.
    """
    fires, fires_other = (shares > 0).sum(axis=0), (other > 0).sum(axis=0)
    tested = fires + fires_other >= LEAST_QUIZZES
    p = np.full(shares.shape[1], np.nan)
    if tested.any():
        p[tested] = stats.ttest_ind(shares[:, tested], other[:, tested], equal_var=False).pvalue
    return pd.DataFrame(
        {
            "feature": np.arange(shares.shape[1]),
            "share": shares.mean(axis=0),
            "share_other": other.mean(axis=0),
            "quizzes": fires,
            "quizzes_other": fires_other,
            "difference": shares.mean(axis=0) - other.mean(axis=0),
            "p": p,
        }
    )
