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

    Matches are chosen on one half of the quizzes; figures are of the other, if not said
    otherwise. All float64 [F] are NaN and all indices int64 [F] are -1 for features that are
    not compared or where there is none.

    agent_a, agent_b: agent numbers. site: where the activations were taken. tokens: how many.
    feature_b: the feature of b with the highest r. second_b: the one with the next highest.
    r: correlation with feature_b. r_chosen: the same on the half on which it was chosen.
    r_within: correlation with feature_b when the means of cells are taken out.
    p: one-sided p-value of r_within (sae/comparison/significance.py).
    mutual: bool [F], True when the match of feature_b in a is the feature itself.
    assigned: the feature of b in the one-to-one assignment with the highest total r.
    assigned_r: correlation with it.
    firings_a: int64 [F], tokens on which the feature fires, in both halves; firings_b: the same
        of feature_b, 0 where there is none.
    null_r: by null, the r of the best match under it, mean over draws.
    ceiling_r: r of the best match in another SAE of agent a itself, mean over them.
    ridge_r2: share of its variance that all features of b predict (sae/matching/covariance.py).
    ridge_null_r2: the same under the first null, in its first draw.
    """

    agent_a: int
    agent_b: int
    site: str
    tokens: int
    feature_b: NDArray[np.int64]
    second_b: NDArray[np.int64]
    r: NDArray[np.float64]
    r_chosen: NDArray[np.float64]
    r_within: NDArray[np.float64]
    p: NDArray[np.float64]
    mutual: NDArray[np.bool_]
    assigned: NDArray[np.int64]
    assigned_r: NDArray[np.float64]
    firings_a: NDArray[np.int64]
    firings_b: NDArray[np.int64]
    null_r: dict[str, NDArray[np.float64]]
    ceiling_r: NDArray[np.float64]
    ridge_r2: NDArray[np.float64]
    ridge_null_r2: NDArray[np.float64]

    def __post_init__(self) -> None:
        size = len(self.feature_b)
        arrays = {
            **{name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)},
            **{f"null_r[{name!r}]": values for name, values in self.null_r.items()},
        }
        for name, array in arrays.items():
            if array.shape != (size,):
                raise ValueError(f"{name} must be [{size}] like feature_b, got {list(array.shape)}")

    @property
    def compared(self) -> NDArray[np.bool_]:
        """bool [F]: features that took part in the comparison."""
        return np.isfinite(self.r)


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


def spread(
    values: NDArray[Any], index: NDArray[np.int64], size: int, fill: float | str
) -> NDArray[Any]:
    """An array [size] holding values [n] at places index [n] and ``fill`` elsewhere."""
    full = np.full(size, fill, dtype=values.dtype)
    full[index] = values
    return full
