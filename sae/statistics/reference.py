"""How far an agent is from its reference on the quizzes that it alone fails.

The reference is the mean over quizzes of the same stratum that nobody fails. They may be few, and
their mean is subtracted from all failed quizzes of the stratum at once, so that its error does not
average out over these: it is a part of the error of the mean deviation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sae.statistics.satterthwaite import ROUNDING, standard_error

MIN_REFERENCE = 2
"""Reference quizzes that a stratum must have: one has no spread."""


@dataclass(frozen=True)
class Deviation:
    """n quizzes that one of A agents fails, of strata with a reference.

    rows: int64 [n], their numbers among all. deviations: float64 [n, A], what was measured of every
    agent there, less its reference. column: int64 [n], that of the agent that fails. mean: of
    deviations for the agents that fail. error: its standard error, NaN where nothing varies.
    freedom: degrees of freedom that the error is known with.
    """

    rows: NDArray[np.int64]
    deviations: NDArray[np.float64]
    column: NDArray[np.int64]
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


def deviation(
    values: NDArray[np.float64],
    column: NDArray[np.int64],
    reference: NDArray[np.bool_],
    stratum: NDArray[np.int64],
) -> Deviation | None:
    """How far agents are from their reference on quizzes that they fail; None without two of these.

    values: float64 [Q, A], of every agent; a quiz with a NaN is left out. column: int64 [Q], column
    of the agent that fails, -1 for none. reference: bool [Q], quizzes that nobody fails. stratum:
    int64 [Q]. A stratum with fewer than ``MIN_REFERENCE`` reference quizzes is left out.

    The error has a part of the failed quizzes, their variance about the mean over their number n,
    and one of every stratum's N reference ones, v / N, with v the variance over them of the sum
    over agents of an agent's value, times how many of the n quizzes are of the stratum and failed
    by it, over n: that is how the means over the reference enter, agents with their covariance.
    """
    whole = np.isfinite(values).all(axis=1)
    size = int(stratum.max(initial=-1)) + 1
    known = np.flatnonzero(reference & whole)
    count = np.bincount(stratum[known], minlength=size)
    enough = count >= MIN_REFERENCE
    deviations = values - _means(values[known], stratum[known], count)[stratum]
    rows = np.flatnonzero((column >= 0) & whole & enough[stratum])
    if len(rows) < 2:
        return None
    failing = deviations[rows, column[rows]]
    weight = np.zeros((size, values.shape[1]))
    np.add.at(weight, (stratum[rows], column[rows]), 1 / len(rows))
    entering = (deviations[known] * weight[stratum[known]]).sum(axis=1)
    squares = np.bincount(stratum[known], entering**2, minlength=size)[enough]
    of_reference = squares / (count[enough] - 1) / count[enough]
    variances = np.append(of_reference, failing.var(ddof=1) / len(failing))
    error, freedom = standard_error(variances, np.append(count[enough], len(failing)) - 1.0)
    mean = float(failing.mean())
    return Deviation(rows, deviations[rows], column[rows], mean, float(error), float(freedom))


def _means(
    values: NDArray[np.float64], stratum: NDArray[np.int64], count: NDArray[np.int64]
) -> NDArray[np.float64]:
    """float64 [S, A]: of values [N, A] by stratum [N], of which each has its count [S]."""
    columns = [np.bincount(stratum, column, minlength=len(count)) for column in values.T]
    return np.stack(columns, axis=1) / np.maximum(count, 1)[:, None]
