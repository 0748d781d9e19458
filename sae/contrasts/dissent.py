"""The features of the one agent that fails a quiz, against those of the agents that solve it.

Every quiz is looked at through ordered pairs of agents. Two things are measured of a pair (a, b)
on a quiz:

- *match_strength*: the mean, over the firings of a's features there, of how well the feature is
  matched in b (its r on other quizzes). Low: the quiz lights features of a that b does not have.
- *coactivation*: the share of firings of a's features whose match in b fires at the same token.
  Low: b has the features, and does not use them here.

Agents differ in how well they match, and quizzes in how well they are matched. So what counts is
the *contrast*: solvers towards the dissenter, less the same solvers towards each other, on the same
quiz; less what this is for the same agents on quizzes that nobody fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sae.statistics.reference import Deviation, deviation
from sae.statistics.satterthwaite import ROUNDING

Pair = tuple[int, int]
"""Agents a, b."""


@dataclass(frozen=True)
class Links:
    """Where features of agent a are found in agent b.

    match: int64 [F], the feature of b, -1 for none. r: float64 [F], their correlation, NaN for
    none.
    """

    match: NDArray[np.int64]
    r: NDArray[np.float64]


def match_strength(
    codes: sparse.csr_array, links: Links, quiz: NDArray[np.int64], quizzes: int
) -> NDArray[np.float64]:
    """float64 [Q]: mean r, in b, of the features of codes [N, F] that fire on each quiz.

    quiz: int64 [N], 0 .. Q - 1, or -1 for rows that are left out. NaN where none fires.
    """
    known = np.isfinite(links.r)
    fires = _fires(codes)
    total = fires @ known.astype(np.float64)
    return _ratio(fires @ np.where(known, links.r, 0.0), total, quiz, quizzes)


def coactivation(
    codes: sparse.csr_array,
    theirs: sparse.csr_array,
    links: Links,
    quiz: NDArray[np.int64],
    quizzes: int,
) -> NDArray[np.float64]:
    """float64 [Q]: share of firings in codes [N, F] at which the match in theirs [N, G] fires.

    Only features with a match count. quiz: as in ``match_strength``. NaN where none fires.
    """
    matched = np.flatnonzero(links.match >= 0)
    fires = sparse.csr_array(_fires(codes)[:, matched])
    both = fires.multiply(sparse.csr_array(_fires(theirs)[:, links.match[matched]]))
    return _ratio(both.sum(axis=1), fires.sum(axis=1), quiz, quizzes)


def _fires(codes: sparse.csr_array) -> sparse.csr_array:
    return sparse.csr_array(codes > 0).astype(np.float64)


def _ratio(
    part: NDArray[np.float64],
    whole: NDArray[np.float64],
    quiz: NDArray[np.int64],
    quizzes: int,
) -> NDArray[np.float64]:
    """Sums of part [N] over sums of whole [N], by quiz [N] where that is not -1."""
    rows = quiz >= 0
    parts, wholes = (
        np.bincount(quiz[rows], values[rows], minlength=quizzes) for values in (part, whole)
    )
    return np.divide(parts, wholes, out=np.full(quizzes, np.nan), where=wholes > 0)


@dataclass(frozen=True)
class Contrast:
    """Solvers towards the dissenter, less solvers among themselves, over Q quizzes with one.

    mean: in units of what was measured, less what it is on reference quizzes. low, high: 95 %, with
    the error of the reference (``deviation``). p: two-sided, from dissenters dealt out at random to
    quizzes of the same stratum. quizzes: Q, those on which the contrast exists.
    """

    mean: float
    low: float
    high: float
    p: float
    quizzes: int


def contrast(
    values: Mapping[Pair, NDArray[np.float64]],
    dissenter: NDArray[np.int64],
    stratum: NDArray[np.int64],
    rng: np.random.Generator,
    resamples: int = 2000,
) -> Contrast | None:
    """Do solvers meet the dissenter less than each other? None without two quizzes to tell by.

    values: by ordered pair of agents, float64 [Q], NaN where that does not exist. dissenter: int64
    [Q], number of the agent, -1 on quizzes that nobody fails: these are the reference. stratum:
    int64 [Q], such as the task and direction of each quiz. A quiz is one observation, so no two of
    them may be writings of the same.
    """
    agents = sorted({agent for pair in values for agent in pair})
    nobody = dissenter < 0
    column = np.where(nobody, -1, np.searchsorted(agents, dissenter))
    result = deviation(_apart(agents, values), column, nobody, stratum)
    if result is None:
        return None
    p = _dealt_out(result, stratum[result.rows], rng, resamples)
    return Contrast(result.mean, *result.interval, p, len(result.rows))


def _dealt_out(
    result: Deviation, stratum: NDArray[np.int64], rng: np.random.Generator, resamples: int
) -> float:
    """The share of random dissenters with which the mean is as far from what it is on average.

    stratum: int64 [n], of the failed quizzes. Dissenters are exchanged within it: agents keep their
    quizzes of every stratum, so that the reference takes the same from every mean, and what is left
    is whether it was this one.
    """
    rows, order = np.arange(len(stratum)), np.argsort(stratum, kind="stable")
    dealt, column = np.empty(resamples), np.empty_like(result.column)
    for number in range(resamples):
        column[order] = result.column[np.lexsort((rng.random(len(stratum)), stratum))]
        dealt[number] = result.deviations[rows, column].mean()
    far = abs(result.mean - dealt.mean())
    # Sums of the same numbers in another order are the same, but for rounding.
    beyond = np.abs(dealt - dealt.mean()) >= far - ROUNDING
    return float((1 + beyond.sum()) / (1 + resamples))


def _apart(
    agents: Sequence[int], values: Mapping[Pair, NDArray[np.float64]]
) -> NDArray[np.float64]:
    """float64 [Q, A]: for each agent d, the others towards d less the others among themselves."""
    columns = []
    for d in agents:
        others = [agent for agent in agents if agent != d]
        towards = np.mean([values[a, d] for a in others], axis=0)
        among = np.mean([values[a, b] for a in others for b in others if a != b], axis=0)
        columns.append(towards - among)
    return np.stack(columns, axis=1)
