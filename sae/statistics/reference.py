"""How quizzes that one agent fails depart from what is usual for the agent on such quizzes.

What is usual is known from quizzes of the same stratum that nobody fails. They may be few, and what
they say is subtracted from all failed quizzes of the stratum at once, so that its error does not
average out over these: it is a part of the error of the mean departure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sae.statistics.satterthwaite import ROUNDING, standard_error

LEAST_USUAL = 2
"""Usual quizzes of a stratum, without which what is usual there is not known: one has no spread."""


@dataclass(frozen=True)
class Departure:
    """n quizzes that one of A agents fails, of strata of which it is known what is usual.

    rows: int64 [n], their places among those given. away: float64 [n, A], what was measured of
    every agent there, less what is usual for the agent. place: int64 [n], column of the agent that
    fails. mean: of away for the agents that fail. error: its standard error, NaN where nothing
    varies. freedom: degrees of freedom that the error is known with.
    """

    rows: NDArray[np.int64]
    away: NDArray[np.float64]
    place: NDArray[np.int64]
    mean: float
    error: float
    freedom: float

    @property
    def p(self) -> float:
        """Two-sided, of the mean against 0; 1 where nothing varies."""
        if np.isnan(self.error):
            return 1.0
        return float(2 * stats.t.sf(abs(self.mean) / self.error, self.freedom))

    @property
    def interval(self) -> tuple[float, float]:
        """Student's of 95 %; where nothing varies, the mean up to rounding."""
        if np.isnan(self.error):
            return self.mean - ROUNDING, self.mean + ROUNDING
        low, high = stats.t.interval(0.95, self.freedom, self.mean, self.error)
        return float(low), float(high)


def departure(
    values: NDArray[np.float64],
    place: NDArray[np.int64],
    usual: NDArray[np.bool_],
    stratum: NDArray[np.int64],
) -> Departure | None:
    """How far agents are from their usual on quizzes that they fail; None without two of these.

    values: float64 [Q, A], of every agent; a quiz with a NaN is left out. place: int64 [Q], column
    of the agent that fails, -1 for none. usual: bool [Q], quizzes that nobody fails. stratum: int64
    [Q]. A stratum with fewer than ``LEAST_USUAL`` usual quizzes is left out.

    The error has a part of the failed quizzes, their variance about the mean over their number n,
    and one of every stratum's N usual ones, v / N, with v the variance over them of the sum over
    agents of an agent's value, times how many of the n quizzes are of the stratum and failed by it,
    over n: that is how the means over the usual ones enter, agents with their covariance.
    """
    whole = np.isfinite(values).all(axis=1)
    size = int(stratum.max(initial=-1)) + 1
    known = np.flatnonzero(usual & whole)
    count = np.bincount(stratum[known], minlength=size)
    enough = count >= LEAST_USUAL
    away = values - _means(values[known], stratum[known], count)[stratum]
    rows = np.flatnonzero((place >= 0) & whole & enough[stratum])
    if len(rows) < 2:
        return None
    own = away[rows, place[rows]]
    weight = np.zeros((size, values.shape[1]))
    np.add.at(weight, (stratum[rows], place[rows]), 1 / len(rows))
    entering = (away[known] * weight[stratum[known]]).sum(axis=1)
    squares = np.bincount(stratum[known], entering**2, minlength=size)[enough]
    of_usual = squares / (count[enough] - 1) / count[enough]
    error, freedom = standard_error(
        np.append(of_usual, own.var(ddof=1) / len(own)), np.append(count[enough], len(own)) - 1.0
    )
    return Departure(rows, away[rows], place[rows], float(own.mean()), float(error), float(freedom))


def _means(
    values: NDArray[np.float64], stratum: NDArray[np.int64], count: NDArray[np.int64]
) -> NDArray[np.float64]:
    """float64 [S, A]: of values [N, A] by stratum [N], of which each has its count [S]."""
    columns = [np.bincount(stratum, column, minlength=len(count)) for column in values.T]
    return np.stack(columns, axis=1) / np.maximum(count, 1)[:, None]
