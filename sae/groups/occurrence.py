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
) -> NDArray[np.float32]:
    """float32 [Q, F]: of each quiz's tokens, the share on which each feature of codes [N, F] fires.

    quiz: int64 [N], 0 .. Q - 1. A quiz without tokens has NaN.
    """
    tokens = np.bincount(quiz, minlength=quizzes)
    rows = np.arange(len(quiz))
    member = sparse.csr_array((np.ones(len(quiz)), (quiz, rows)), shape=(quizzes, len(quiz)))
    shares = (member @ sparse.csr_array(codes > 0)).astype(np.float32).toarray()
    with np.errstate(invalid="ignore"):
        shares /= tokens[:, None]
    return np.asarray(shares)


def occurrence(
    shares: NDArray[np.floating],
    other: NDArray[np.floating],
    stratum: NDArray[np.int64],
    other_stratum: NDArray[np.int64],
) -> pd.DataFrame:
    """How often each of F features fires in two groups of quizzes.

    shares: float [Q, F] of the group in question, other: float [P, F] of the one it is held
    against; different quizzes, each once. stratum, other_stratum: int64 [Q] and [P], 0 .. S - 1,
    such as the direction in which a quiz is asked: groups may differ in how many they have of each,
    and that is not what is asked. Quizzes of a stratum that one group lacks are left out.

    Columns: feature, share and share_other (means over quizzes, every stratum with its weight in
    both groups together), quizzes and quizzes_other (on how many it fires at all), difference, and
    p, of a two-sided t-test for unequal variances (B. L. Welch 1947) of what is left when each
    stratum's mean is taken out; NaN for features that fire on fewer than ``LEAST_QUIZZES``.
    """
    common = np.intersect1d(stratum, other_stratum)
    here, there = np.isin(stratum, common), np.isin(other_stratum, common)
    left, stratum = shares[here].astype(np.float64), stratum[here]
    left_other, other_stratum = other[there].astype(np.float64), other_stratum[there]
    fires, fires_other = (left > 0).sum(axis=0), (left_other > 0).sum(axis=0)
    means = np.zeros((2, left.shape[1]))
    for each in common:
        own, others = stratum == each, other_stratum == each
        both = np.stack([left[own].mean(axis=0), left_other[others].mean(axis=0)])
        means += (own.sum() + others.sum()) / (len(left) + len(left_other)) * both
        # The same is taken out of both groups, so that their difference stays.
        left[own] -= both.mean(axis=0)
        left_other[others] -= both.mean(axis=0)
    tested = fires + fires_other >= LEAST_QUIZZES
    p = np.where(tested, _welch(left, left_other), np.nan)
    return pd.DataFrame(
        {
            "feature": np.arange(left.shape[1]),
            "share": means[0],
            "share_other": means[1],
            "quizzes": fires,
            "quizzes_other": fires_other,
            "difference": means[0] - means[1],
            "p": p,
        }
    )


def _welch(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64 [F]: p-values for two groups [Q, F] and [P, F]; NaN where neither varies."""
    parts = [(x.mean(axis=0), x.std(axis=0, ddof=1), len(x)) for x in (one, other) if len(x) > 1]
    if len(parts) < 2:
        return np.full(one.shape[1], np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(stats.ttest_ind_from_stats(*parts[0], *parts[1], equal_var=False).pvalue)
