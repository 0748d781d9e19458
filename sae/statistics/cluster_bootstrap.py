"""Intervals over features: what another draw of features, of the same agents, could have given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Statistic = Callable[[NDArray[np.float64]], np.floating]


@dataclass(frozen=True)
class Estimate:
    """A statistic of n pairs in some groups, with its 95 % percentile bootstrap interval.

    low and high are NaN below two groups, value too where there is none.
    """

    value: float
    low: float
    high: float
    pairs: int
    groups: int


def over_groups(
    values: NDArray[np.float64],
    group: NDArray[np.int64],
    statistic: Statistic,
    resamples: int,
    rng: np.random.Generator,
) -> Estimate:
    """The statistic of values [n], NaN left out; whole groups are drawn, with all their values."""
    finite = np.isfinite(values)
    values = values[finite]
    _, index = np.unique(group[finite], return_inverse=True)
    count = int(index.max(initial=-1)) + 1
    value = float(statistic(values)) if len(values) else float("nan")
    low = high = float("nan")
    if count > 1:
        drawn = rng.multinomial(count, np.full(count, 1 / count), size=resamples)
        resampled = [statistic(np.repeat(values, times[index])) for times in drawn]
        low, high = np.percentile(resampled, [2.5, 97.5])
    return Estimate(value, float(low), float(high), len(values), count)
