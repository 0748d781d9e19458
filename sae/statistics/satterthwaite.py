"""How far from 0 an estimate is whose error has several parts, each known from few quizzes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

ROUNDING = 1e-9
"""Standard errors below are of values that do not vary, but for the rounding of their means."""


def standard_error(
    variances: NDArray[np.float64], freedom: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The root of the sum of K independent variances [K, ...], each known with its degrees of
    freedom [K], and the degrees of freedom it is known with itself (F. E. Satterthwaite 1946).

    Both float64 [...]; both are NaN where nothing varies.
    """
    total = variances.sum(axis=0)
    shares = np.tensordot(1 / freedom, variances**2, axes=1)
    varies = total > ROUNDING**2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(varies, np.sqrt(total), np.nan), np.where(varies, total**2 / shares, np.nan)


def two_sided(
    estimate: NDArray[np.float64], variances: NDArray[np.float64], freedom: NDArray[np.float64]
) -> NDArray[np.float64]:
    """float64 [...]: p of an estimate [...] whose error has the variances of ``standard_error``,
    against 0, by Student's t; NaN where nothing varies."""
    error, known = standard_error(variances, freedom)
    return np.asarray(2 * stats.t.sf(np.abs(estimate) / error, known))
