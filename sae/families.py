"""Families: features of different agents that are each other's best match.

Mutual best matches above a threshold link features; linked features form a family, in which
every agent has at most one. The number of agents in a family says how widely it is shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sae.matching import FeatureMatch

Member = tuple[int, int]
"""(agent number, feature)."""


@dataclass(frozen=True)
class Family:
    """One shared feature. members: feature by agent, agents ascending.

    mean_r: mean correlation of the links that hold it together. links: how many they are.
    """

    members: dict[int, int]
    mean_r: float
    links: int

    @property
    def k(self) -> int:
        """How many agents share it."""
        return len(self.members)


def find_families(matches: Sequence[FeatureMatch], threshold: float) -> list[Family]:
    """Families of at least two agents, the most widely shared first, then by mean r.

    Links are taken from the strongest to the weakest; a link that would give an agent two
    features in one family is left out.
    """
    groups: dict[Member, dict[int, int]] = {}
    links: list[tuple[float, Member, Member]] = []
    for r, a, b in sorted(_links(matches, threshold), reverse=True):
        left, right = groups.setdefault(a, dict([a])), groups.setdefault(b, dict([b]))
        if left is not right:
            if left.keys() & right.keys():
                continue
            left.update(right)
            for member in right.items():
                groups[member] = left
        links.append((r, a, b))
    return _families(groups, links)


def histogram(families: Sequence[Family], compared: dict[int, int]) -> dict[int, int]:
    """How many features are shared by k agents, k = 1 .. N; ``compared``: features by agent.

    Families count once; k = 1 counts the compared features that are in no family.
    """
    counts = {k: sum(f.k == k for f in families) for k in range(2, len(compared) + 1)}
    return {1: sum(compared.values()) - sum(f.k for f in families), **counts}


def _links(matches: Sequence[FeatureMatch], threshold: float) -> list[tuple[float, Member, Member]]:
    """Mutual best matches above the threshold, each pair of features once."""
    found = []
    for match in matches:
        if match.agent_a < match.agent_b:
            for f in np.flatnonzero(match.mutual & (match.r > threshold)):
                a, b = (match.agent_a, int(f)), (match.agent_b, int(match.feature_b[f]))
                found.append((float(match.r[f]), a, b))
    return found


def _families(
    groups: dict[Member, dict[int, int]], links: list[tuple[float, Member, Member]]
) -> list[Family]:
    held: dict[int, list[float]] = {}
    for r, a, _ in links:
        held.setdefault(id(groups[a]), []).append(r)
    distinct = {id(group): group for group in groups.values() if len(group) > 1}
    families = [
        Family(dict(sorted(group.items())), float(np.mean(held[key])), len(held[key]))
        for key, group in distinct.items()
    ]
    return sorted(families, key=lambda f: (-f.k, -f.mean_r, sorted(f.members.items())))
