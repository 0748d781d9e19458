"""What becomes of a feature in another agent: matched, split, merged, only spanned, or unique."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from sae.covariance import Covariance, predicted
from sae.significance import MAX_Q

GAIN = 0.1
"""Share of a feature's variance that its parts must explain together beyond the best of them."""
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
    beyond chance. between: of a with b, of_b: of b with itself (None where there are too many
    features). variance: float64 [C], of a's features on the reported half, in the units of these.
    spanned: float64 [C], R^2 by all of b's features less the same under the null, NaN where it
    was not computed.
    """

    match: NDArray[np.int64]
    q: NDArray[np.float64]
    linked: NDArray[np.bool_]
    between: Covariance | None
    of_b: Covariance | None
    variance: NDArray[np.float64]
    spanned: NDArray[np.float64]


def parts(sight: Sight, back: Sight) -> dict[int, list[int]]:
    """Features of a that split in b: by their place, the places of their parts in b.

    Parts are all features of b whose best match it is, beyond chance; together they must explain
    GAIN more of its variance than the best of them alone. back: b as seen from a.
    """
    if sight.between is None or sight.of_b is None:
        return {}
    candidates: dict[int, list[int]] = {}
    for place in np.flatnonzero((back.q <= MAX_Q) & (back.match >= 0)):
        candidates.setdefault(int(back.match[place]), []).append(int(place))
    return {
        place: found
        for place, found in candidates.items()
        if len(found) > 1 and _gain(sight, place, found) >= GAIN
    }


def _gain(sight: Sight, place: int, found: list[int]) -> float:
    """R^2 of a feature by several of b's, less the greatest by one of them."""
    if sight.between is None or sight.of_b is None:
        return 0.0
    between, of_b = sight.between, sight.of_b

    def explained(some: list[int]) -> float:
        chosen = np.ix_([place], some), np.ix_(some, some)
        r2 = predicted(
            Covariance(between.choosing[chosen[0]], between.reported[chosen[0]]),
            Covariance(of_b.choosing[chosen[1]], of_b.reported[chosen[1]]),
            sight.variance[[place]],
        )
        return float(r2[0])

    return explained(found) - max(explained([one]) for one in found)


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
