"""Which feature of one agent corresponds to which of another, given all their correlations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment


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
