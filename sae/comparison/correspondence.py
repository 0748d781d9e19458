"""What becomes of a feature in another agent: matched, split, merged, spanned, related, unique."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sae.comparison.matches import Matches, Pair
from sae.comparison.significance import MAX_Q
from sae.matching.covariance import Covariance, own_covariance, predictable, predicted
from sae.matching.families import strong_links
from sae.matching.features import Features

GAIN = 0.1
"""Share of a feature's variance that its parts must explain together beyond the best of them, each
beyond what they explain of it under the null."""
SPANNED = 0.1
"""Share of a feature's variance that all features of the other agent must predict, beyond what
they predict of it under the null, for it to be spanned by them."""

Parts = dict[int, list[int]]
"""Features of a that split in b: by their column, the columns of their parts in b."""


class Correspondence(StrEnum):
    """What becomes of a feature in another agent."""

    MATCHED = "matched"  # each other's best match, beyond chance
    SPLIT = "split"  # several features there have it as their best match and add up to it
    MERGED = "merged"  # it is one of several parts of a feature there
    SUBSPACE = "subspace"  # no feature corresponds, yet all of them together predict it
    RELATED = "related"  # nor that, yet its best match is beyond chance
    UNIQUE = "unique"  # nor that: nothing there goes with it


def with_correspondence(
    matches: Matches, features: Mapping[int, Features], links: pd.DataFrame
) -> Matches:
    """Adds kind, what becomes of every feature (``Correspondence``), missing where that was not
    found out. links: of families (``find_links``)."""
    linked = _linked(matches.table, links)
    splits = {pair: _splits(matches, features, pair) for pair in matches.rows}
    kinds: list[Correspondence | None] = []
    for (a, b), rows in matches.rows.items():
        merged = {part for parts in splits[b, a].values() for part in parts}
        table = matches.table[rows]
        spanned = (table.ridge_r2 - table.ridge_null_r2).to_numpy()
        alone = [_alone(r2, q) for r2, q in zip(spanned, table.q.to_numpy(), strict=True)]
        kinds += [
            _kind(column, splits[a, b], merged, bool(is_linked), alone[column])
            for column, is_linked in enumerate(linked[rows])
        ]
    return matches.adding({}, kind=pd.array(kinds, dtype="string"))


def _linked(table: pd.DataFrame, links: pd.DataFrame) -> NDArray[np.bool_]:
    """bool [n]: rows of two features that a strong link joins."""
    forward = strong_links(links, MAX_Q)[["agent_a", "feature_a", "agent_b", "feature_b"]]
    backward = forward[["agent_b", "feature_b", "agent_a"]]
    joined = {*forward.drop(columns="feature_b").itertuples(index=False, name=None)}
    joined |= {*backward.itertuples(index=False, name=None)}
    rows = table[["agent_a", "feature_a", "agent_b"]].itertuples(index=False, name=None)
    return np.array([row in joined for row in rows], dtype=bool)


def _splits(matches: Matches, features: Mapping[int, Features], pair: Pair) -> Parts:
    """Features of a that split in b.

    Parts are all features of b whose best match it is, beyond chance; together they must explain
    GAIN more of its variance beyond the null than the best of them alone. Without covariances
    under the null there is none.
    """
    a, b = pair
    back = matches.of(b, a)
    if not predictable(features[a], features[b]) or back.null_covariance.isna().all():
        return {}
    candidates: Parts = {}
    for column in np.flatnonzero((back.q <= MAX_Q) & (back.column_b >= 0)):
        candidates.setdefault(int(back.column_b.iloc[column]), []).append(int(column))
    own, variance = own_covariance(features[b]), features[a].variance
    real, null = (
        Covariance(back[name].to_numpy(), back[f"{name}_evaluation"].to_numpy())
        for name in ("match_covariance", "null_covariance")
    )
    return {
        whole: parts
        for whole, parts in candidates.items()
        if len(parts) > 1 and _gain(real, null, own, parts, variance[[whole]]) >= GAIN
    }


def _gain(
    real: Covariance,
    null: Covariance,
    own: Covariance,
    parts: Sequence[int],
    variance: NDArray[np.float64],
) -> float:
    """R^2 of a feature by several of b's less that under the null, less the greatest by one.

    Both are taken beyond the null before they are compared: parts that explain a feature by its
    position alone are no parts, alone or together.
    """

    def explained(with_whole: Covariance, columns: Sequence[int]) -> float:
        between = Covariance(
            with_whole.selection[None, columns], with_whole.evaluation[None, columns]
        )
        return float(predicted(between, own.among(columns), variance)[0])

    def beyond(columns: Sequence[int]) -> float:
        return explained(real, columns) - explained(null, columns)

    return beyond(parts) - max(beyond([part]) for part in parts)


def _kind(
    column: int, split: Parts, merged: set[int], linked: bool, alone: Correspondence | None
) -> Correspondence | None:
    """Of a feature by its column; alone: what it is where no feature there corresponds to it."""
    if column in split:
        return Correspondence.SPLIT
    if column in merged:
        return Correspondence.MERGED
    return Correspondence.MATCHED if linked else alone


def _alone(spanned: float, q: float) -> Correspondence | None:
    """Of a feature to which none corresponds; None where it was not predicted.

    spanned: R^2 by all features there beyond the null. q: of its best match.
    """
    if not np.isfinite(spanned):
        return None
    if spanned >= SPANNED:
        return Correspondence.SUBSPACE
    return Correspondence.RELATED if q <= MAX_Q else Correspondence.UNIQUE
