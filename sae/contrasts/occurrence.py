"""Which features fire on one group of quizzes more than on another; the quiz is the unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from sae.statistics.satterthwaite import two_sided

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
    and that is not what is asked. A stratum that one group lacks, or of which each has only one
    quiz, is not compared.

    Columns: feature; share and share_other, means over strata of the means over their quizzes, a
    stratum with n and m quizzes with the weight n m / (n + m) (that of W. G. Cochran 1954; N.
    Mantel & W. Haenszel 1959), with which it counts by what it can tell; difference of the two;
    quizzes and quizzes_other, on how many it fires at all, compared or not; and p, two-sided, of
    the difference (see ``_p``). Shares and difference are NaN where no stratum can be compared, p
    also for features that fire on fewer than ``LEAST_QUIZZES`` of those compared and for those
    whose shares do not vary within any stratum.
    """
    strata = _comparable(stratum, other_stratum)
    one, two = _Group.of(shares, stratum, strata), _Group.of(other, other_stratum, strata)
    share = share_other = p = np.full(shares.shape[1], np.nan)
    if len(strata):
        weight = one.count * two.count / (one.count + two.count)
        weight /= weight.sum()
        share, share_other = weight @ one.mean, weight @ two.mean
        tested = one.fires + two.fires >= LEAST_QUIZZES
        p = np.where(tested, _p(share - share_other, weight, one, two), np.nan)
    return pd.DataFrame(
        {
            "feature": np.arange(shares.shape[1]),
            "share": share,
            "share_other": share_other,
            "quizzes": (shares > 0).sum(axis=0),
            "quizzes_other": (other > 0).sum(axis=0),
            "difference": share - share_other,
            "p": p,
        }
    )


def _comparable(one: NDArray[np.int64], two: NDArray[np.int64]) -> NDArray[np.int64]:
    """Strata that quizzes of both groups are of, and not only one of each: these cannot vary."""
    common = np.intersect1d(one, two)
    many = [(one == stratum).sum() + (two == stratum).sum() > 2 for stratum in common]
    return common[np.array(many, dtype=np.bool_)]


@dataclass(frozen=True)
class _Group:
    """The F features on the quizzes of a group, by stratum.

    count: float64 [S], quizzes. mean: float64 [S, F]. squares: float64 [S, F], sum of squared
    deviations from it. fires: int64 [F], on how many of these quizzes.
    """

    count: NDArray[np.float64]
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]
    fires: NDArray[np.int64]

    @staticmethod
    def of(
        shares: NDArray[np.floating], stratum: NDArray[np.int64], strata: NDArray[np.int64]
    ) -> _Group:
        """The quizzes [Q, F] that are of some strata [S]."""
        count = np.array([(stratum == number).sum() for number in strata], dtype=np.float64)
        mean, squares = np.zeros((2, len(strata), shares.shape[1]))
        for row, number in enumerate(strata):
            values = shares[stratum == number].astype(np.float64)
            mean[row] = values.mean(axis=0)
            squares[row] = ((values - mean[row]) ** 2).sum(axis=0)
        fires = (shares[np.isin(stratum, strata)] > 0).sum(axis=0)
        return _Group(count, mean, squares, fires)


def _p(
    difference: NDArray[np.float64], weight: NDArray[np.float64], one: _Group, two: _Group
) -> NDArray[np.float64]:
    """float64 [F]: p of the difference [F] of two means over strata with weights [S].

    The larger of two: with one variance for both groups in each stratum (Student), which keeps
    its level on few quizzes and rare features if groups do not differ at all, and with one for each
    group (B. L. Welch 1947), which keeps it if only their spread does. Never with one variance for
    all strata: a feature's differs by stratum as its mean does.
    """
    freedom = one.count + two.count - 2
    both = (one.squares + two.squares) / freedom[:, None]
    scale = weight**2 * (1 / one.count + 1 / two.count)
    student = two_sided(difference, scale[:, None] * both, freedom)
    parts = []
    for group in (one, two):
        # Of a single quiz no spread is known but that of both groups.
        lone = group.count < 2
        of_group = np.where(lone, freedom, group.count - 1)
        squares = np.where(lone[:, None], freedom[:, None] * both, group.squares)
        scale = weight**2 / group.count / of_group
        parts.append((scale[:, None] * squares, of_group))
    variances, freedoms = zip(*parts, strict=True)
    welch = two_sided(difference, np.concatenate(variances), np.concatenate(freedoms))
    return np.maximum(student, welch)
