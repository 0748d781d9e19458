"""Families: features of different agents that are each other's best match.

Mutual best matches that exceed chance link features; linked features form a family, in which
every agent has at most one. The number of agents in a family says how widely it is shared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sae.matching.assignment import FeatureMatch

Member = tuple[int, int]
"""(agent number, feature)."""
Matches = Mapping[tuple[int, int], FeatureMatch]
"""Matches by ordered pair of agent numbers."""


@dataclass(frozen=True)
class Link:
    """A mutual best match of features a and b.

    r: their correlation. excess: r less the best r that either has under the null. q: the
    share of false discoveries at which it counts as one.
    """

    r: float
    excess: float
    q: float
    a: Member
    b: Member


@dataclass(frozen=True)
class Family:
    """One shared feature. members: feature by agent, agents ascending.

    mean_r, mean_excess: means over the links that hold it together. links: how many, of
    k (k - 1) / 2 that there could be.
    """

    members: dict[int, int]
    mean_r: float
    mean_excess: float
    links: int

    @property
    def k(self) -> int:
        """How many agents share it."""
        return len(self.members)

    @property
    def consistency(self) -> float:
        """Share of its pairs of members that are each other's best match: 1 when every way
        around the agents comes back to the feature it began with."""
        return self.links / (self.k * (self.k - 1) / 2)


def find_links(
    matches: Matches, q: Mapping[tuple[int, int], NDArray[np.float64]], null: str
) -> list[Link]:
    """All mutual best matches, each pair of features once, with their excess over a null.

    q: by ordered pair of agents, float64 [F], of each feature's match.
    """
    found = []
    for (a, b), match in matches.items():
        if a < b:
            other = matches[b, a].null_r[null]
            for f in np.flatnonzero(match.mutual):
                g = int(match.feature_b[f])
                chance = max(match.null_r[null][f], other[g])
                r = float(match.r[f])
                found.append(Link(r, r - float(chance), float(q[a, b][f]), (a, int(f)), (b, g)))
    return found


def counts(link: Link, max_q: float, min_r: float = -1.0) -> bool:
    """Whether a link joins features: q of at most ``max_q``, positive excess, r above min_r."""
    return link.q <= max_q and link.excess > 0 and link.r > min_r


def find_families(links: Sequence[Link], max_q: float, min_r: float = -1.0) -> list[Family]:
    """Families of at least two agents: the most widely shared first, then by mean excess.

    Only links that count (``counts``) join features. They are taken from the highest r to the
    lowest; one that would give an agent two features in one family is left out.
    """
    groups: dict[Member, dict[int, int]] = {}
    used: list[Link] = []
    strong = [link for link in links if counts(link, max_q, min_r)]
    for link in sorted(strong, key=lambda link: (-link.r, link.a, link.b)):
        left = groups.setdefault(link.a, dict([link.a]))
        right = groups.setdefault(link.b, dict([link.b]))
        if left is not right:
            if left.keys() & right.keys():
                continue
            left.update(right)
            for member in right.items():
                groups[member] = left
        used.append(link)
    return _families(groups, used)


def _families(groups: dict[Member, dict[int, int]], used: list[Link]) -> list[Family]:
    held: dict[int, list[Link]] = {}
    for link in used:
        held.setdefault(id(groups[link.a]), []).append(link)
    distinct = {id(group): group for group in groups.values() if len(group) > 1}
    families = [
        Family(
            dict(sorted(group.items())),
            float(np.mean([link.r for link in held[key]])),
            float(np.mean([link.excess for link in held[key]])),
            len(held[key]),
        )
        for key, group in distinct.items()
    ]
    return sorted(families, key=lambda f: (-f.k, -f.mean_excess, sorted(f.members.items())))


def histogram(families: Sequence[Family], compared: Mapping[int, int]) -> dict[int, int]:
    """How many features are shared by k agents, k = 1 .. N; ``compared``: features by agent.

    Families count once; k = 1 counts the compared features that are in no family.
    """
    counts = {k: sum(f.k == k for f in families) for k in range(2, len(compared) + 1)}
    return {1: sum(compared.values()) - sum(f.k for f in families), **counts}
