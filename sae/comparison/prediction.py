"""What all of another agent's features together say of a feature, one by one and by assignment.

Pairs are taken by their second agent, so that few covariances and one permuted copy of codes are
in memory at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sae.comparison.matches import Matches, Pair
from sae.comparison.nulls import Draw, PermutedRows
from sae.matching.assignment import assign
from sae.matching.correlation import paired_correlation
from sae.matching.covariance import (
    Covariance,
    covariance,
    own_covariance,
    predictable,
    predicted,
)
from sae.matching.features import Features
from sae.threads import side_by_side

COLUMNS = (
    "assigned",
    "assigned_r",
    "ridge_r2",
    "ridge_null_r2",
    "match_covariance",
    "match_covariance_evaluation",
    "null_covariance",
    "null_covariance_evaluation",
)
"""Those that are added, the last four for with_correspondence alone."""


def with_prediction(
    matches: Matches,
    features: Mapping[int, Features],
    null: Draw,
) -> Matches:
    """Adds what follows from the covariances of all features of two agents.

    assigned, the feature of b in the one-to-one assignment of the highest total r, and assigned_r;
    ridge_r2, the share of a feature's variance that all features of b predict, and ridge_null_r2,
    the same under the null; the covariances of a feature with its match, as is and under the null,
    on either split. NaN and -1 where there are too many features (``predictable``).

    null: one draw; what is under one that does not permute rows stays NaN.
    """
    values = {name: np.full(len(matches), np.nan) for name in COLUMNS}
    values["assigned"] = np.full(len(matches), -1)
    agents = sorted(features)
    for place, b in enumerate(agents[1:], 1):
        y = features[b]
        null_y = null(y) if isinstance(null, PermutedRows) else None
        before = [a for a in agents[:place] if predictable(features[a], y)]
        jobs = [partial(_both_ways, matches, (a, b), features[a], y, null_y) for a in before]
        for a, both in zip(before, side_by_side(jobs), strict=True):
            for pair, columns in zip(((a, b), (b, a)), both, strict=True):
                for name, column in columns.items():
                    values[name][matches.rows[pair]] = column
    return matches.adding({}, **values)


Columns = dict[str, NDArray[np.float64] | NDArray[np.int64]]
"""By name, those of the rows of one pair."""


def _both_ways(
    matches: Matches, pair: Pair, x: Features, y: Features, null_y: Features | None
) -> tuple[Columns, Columns]:
    a, b = pair
    real = covariance(x, y)
    null = covariance(x, null_y) if null_y else None
    forward = assign(real.selection)
    backward = np.full(y.compared, -1)
    rows = np.flatnonzero(forward >= 0)
    backward[forward[rows]] = rows
    return (
        {**_assigned(x, y, forward), **_direction(matches, (a, b), x, y, real, null)},
        {
            **_assigned(y, x, backward),
            **_direction(matches, (b, a), y, x, real.turned, null.turned if null else None),
        },
    )


def _assigned(x: Features, y: Features, column: NDArray[np.int64]) -> Columns:
    return {
        "assigned": np.append(y.index, -1)[column],
        "assigned_r": paired_correlation(x.evaluation, y.evaluation, column),
    }


def _direction(
    matches: Matches,
    pair: Pair,
    x: Features,
    y: Features,
    real: Covariance,
    null: Covariance | None,
) -> Columns:
    column_b = matches.table.column_b.to_numpy()[matches.rows[pair]]
    own = own_covariance(y)
    with_match = real.with_match(column_b)
    columns: Columns = {
        "ridge_r2": predicted(real, own, x.variance),
        "match_covariance": with_match.selection,
        "match_covariance_evaluation": with_match.evaluation,
    }
    if null is None:
        return columns
    under = null.with_match(column_b)
    return columns | {
        "ridge_null_r2": predicted(null, own, x.variance),
        "null_covariance": under.selection,
        "null_covariance_evaluation": under.evaluation,
    }
