"""What becomes of a feature in another agent: matched, split, merged, only spanned, or unique."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from sae.comparison.significance import MAX_Q
from sae.matching.covariance import Covariance, predicted

GAIN = 0.1
"""Share of a feature's variance that its parts must explain together beyond the best of them, each
beyond what they explain of it under the null."""
SPANNED = 0.1
"""Share of a feature's variance that all features of the other agent must predict, beyond what
they predict of it under the null, for it to be spanned by them."""


class Kind(StrEnum):
    """What becomes of a feature in another agent."""

    MATCHED = "matched"  # each other's best match, beyond chance
    SPLIT = "split"  # several features there have it as their best match and add up to it
    MERGED = "merged"  # it is one of several parts of a feature there
    SUBSPACE = "subspace"  # no feature corresponds, yet all of them together predict it
    UNIQUE = "unique"  # nor that


@dataclass(frozen=True)
class Sight:
    """The features of a as seen from b, C of them compared.

    match: int64 [C], the best match among b's compared features, -1 for none. q: float64 [C],
    the share of false discoveries at which it counts. linked: bool [C], each other's best match
    beyond chance. with_match: [C], of a's features with their match, as they are and under the
    first null. own: of a's features with each other. (None where there are too many features, or
    the null permutes nothing.) variance: float64 [C], of a's features on the reported half, in the
    units of these. spanned: float64 [C], R^2 by all of b's features less the same under the null,
    NaN where it was not computed.
    """

    match: NDArray[np.int64]
    q: NDArray[np.float64]
    linked: NDArray[np.bool_]
    with_match: tuple[Covariance, Covariance] | None
    own: Covariance | None
    variance: NDArray[np.float64]
    spanned: NDArray[np.float64]


def parts(sight: Sight, back: Sight) -> dict[int, list[int]]:
    """Features of a that split in b: by their place, the places of their parts in b.

    Parts are all features of b whose best match it is, beyond chance; together they must explain
    GAIN more of its variance beyond the null than the best of them alone. back: b as seen from a.
    """
    if back.with_match is None or back.own is None:
        return {}
    candidates: dict[int, list[int]] = {}
    for place in np.flatnonzero((back.q <= MAX_Q) & (back.match >= 0)):
        candidates.setdefault(int(back.match[place]), []).append(int(place))
    return {
        place: found
        for place, found in candidates.items()
        if len(found) > 1
        and _gain(back.with_match, back.own, found, sight.variance[[place]]) >= GAIN
    }


def _gain(
    with_match: tuple[Covariance, Covariance],
    own: Covariance,
    found: list[int],
    variance: NDArray[np.float64],
) -> float:
    """R^2 of a feature by several of b's less that under the null, less the greatest by one.

    Both are taken beyond the null before they are compared: parts that explain a feature by its
    position alone are no parts, alone or together.
    """

    def explained(one: Covariance, some: list[int]) -> float:
        between = Covariance(one.choosing[None, some], one.reported[None, some])
        return float(predicted(between, own.among(some), variance)[0])

    def beyond(some: list[int]) -> float:
        real, null = with_match
        return explained(real, some) - explained(null, some)

    return beyond(found) - max(beyond([one]) for one in found)


def kinds(sight: Sight, split: Mapping[int, list[int]], merged: set[int]) -> list[Kind | None]:
    """What becomes of each of the C features.

    split: of those that split in b, by place. merged: places of those that are parts of a
    feature of b that splits in a. None where that they are spanned was not computed.
    """
    return [
        _kind(place, sight, split, merged, bool(linked))
        for place, linked in enumerate(sight.linked)
    ]


def _kind(
    place: int, sight: Sight, split: Mapping[int, list[int]], merged: set[int], linked: bool
) -> Kind | None:
    if place in split:
        return Kind.SPLIT
    if place in merged:
        return Kind.MERGED
    if linked:
        return Kind.MATCHED
    if not np.isfinite(sight.spanned[place]):
        return None
    return Kind.SUBSPACE if sight.spanned[place] >= SPANNED else Kind.UNIQUE
