"""Which feature of one agent corresponds to which of another, given their correlations.

Only features that fire often enough take part: the best of many correlations of a rare
feature is high by chance alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment


@dataclass(frozen=True)
class FeatureMatch:
    """The features of agent a, each with its counterpart in agent b. F features of a.

    agent_a, agent_b: agent numbers. site: where the activations were taken. tokens: how many.
    feature_b: int64 [F], the feature of b with the highest r, -1 where there is none.
    r: float64 [F], that correlation; NaN for features not compared.
    mutual: bool [F], True when the match of feature_b in a is the feature itself.
    assigned: int64 [F], the feature of b in the one-to-one assignment with the highest total
        r, -1 where there is none. assigned_r: float64 [F], its correlation.
    firings_a: int64 [F], tokens on which the feature fires; firings_b: the same of feature_b,
        0 where there is none.
    null_r: by null, float64 [F]: the best r after permutation, mean over permutations.
    ceiling_r: float64 [F], the best r in another SAE of agent a itself, NaN if it has none.
    """

    agent_a: int
    agent_b: int
    site: str
    tokens: int
    feature_b: NDArray[np.int64]
    r: NDArray[np.float64]
    mutual: NDArray[np.bool_]
    assigned: NDArray[np.int64]
    assigned_r: NDArray[np.float64]
    firings_a: NDArray[np.int64]
    firings_b: NDArray[np.int64]
    null_r: dict[str, NDArray[np.float64]]
    ceiling_r: NDArray[np.float64]

    def __post_init__(self) -> None:
        size = len(self.feature_b)
        arrays = {
            "r": self.r,
            "mutual": self.mutual,
            "assigned": self.assigned,
            "assigned_r": self.assigned_r,
            "firings_a": self.firings_a,
            "firings_b": self.firings_b,
            "ceiling_r": self.ceiling_r,
            **{f"null_r[{name!r}]": values for name, values in self.null_r.items()},
        }
        for name, array in arrays.items():
            if array.shape != (size,):
                raise ValueError(f"{name} must be [{size}] like feature_b, got {list(array.shape)}")

    @property
    def compared(self) -> NDArray[np.bool_]:
        """bool [F]: features that took part in the comparison."""
        return np.isfinite(self.r)


def best_match(r: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each row of r [Fa, Fb]: the column of its highest r (-1 if all are NaN), and that r."""
    if r.shape[1] == 0:
        return np.full(len(r), -1), np.full(len(r), np.nan)
    filled = np.where(np.isnan(r), -np.inf, r)
    column = filled.argmax(axis=1)
    best = filled[np.arange(len(r)), column]
    none = np.isneginf(best)
    return np.where(none, -1, column), np.where(none, np.nan, best)


def mutual_best(forward: NDArray[np.int64], backward: NDArray[np.int64]) -> NDArray[np.bool_]:
    """bool [Fa]: rows whose best column has them as its best row (-1 matches nothing)."""
    if len(backward) == 0:
        return np.zeros(len(forward), dtype=np.bool_)
    return (forward >= 0) & (backward[forward] == np.arange(len(forward)))


def assign(r: NDArray[np.float64]) -> NDArray[np.int64]:
    """int64 [Fa]: the column of each row in the one-to-one assignment of highest total r.

    -1 for rows left over or without any correlation. The assignment is the Hungarian
    problem, solved exactly (Crouse 2016, in scipy).
    """
    assigned = np.full(len(r), -1)
    rows = np.flatnonzero(np.isfinite(r).any(axis=1))
    columns = np.flatnonzero(np.isfinite(r).any(axis=0))
    if len(rows) and len(columns):
        i, j = linear_sum_assignment(r[np.ix_(rows, columns)], maximize=True)
        assigned[rows[i]] = columns[j]
    return assigned


def spread(values: NDArray[Any], index: NDArray[np.int64], size: int, fill: float) -> NDArray[Any]:
    """An array [size] holding values [n] at places index [n] and ``fill`` elsewhere."""
    full = np.full(size, fill, dtype=values.dtype)
    full[index] = values
    return full
