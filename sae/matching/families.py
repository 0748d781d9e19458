"""Families: features of different agents that are each other's best match.

Mutual best matches that exceed chance link features; linked features form a family, in which
every agent has at most one. The number of agents in a family says how widely it is shared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

Member = tuple[int, int]
"""(agent number, feature)."""


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


def find_links(matches: pd.DataFrame) -> pd.DataFrame:
    """All mutual best matches, each pair of features once (agent_a < agent_b).

    matches: columns agent_a, feature_a, agent_b, feature_b, r, null_r, q and mutual. Columns of
    links: agent_a, feature_a, agent_b, feature_b; r, their correlation; excess, r less the best r
    that either has under the null; q, the share of false discoveries at which it counts as one.
    """
    a, b = ["agent_a", "feature_a"], ["agent_b", "feature_b"]
    links = matches[matches.mutual & (matches.agent_a < matches.agent_b)]
    other = matches.set_index([*a, "agent_b"]).null_r
    back = other.reindex(pd.MultiIndex.from_frame(links[[*b, "agent_a"]])).to_numpy()
    null_r = links.null_r.to_numpy()
    excess = links.r.to_numpy() - np.where(back > null_r, back, null_r)
    return links[[*a, *b, "r", "q"]].assign(excess=excess).reset_index(drop=True)


def strong_links(links: pd.DataFrame, max_q: float, min_r: float = -1.0) -> pd.DataFrame:
    """Those that join features: q of at most ``max_q``, positive excess, r above ``min_r``."""
    return links[(links.q <= max_q) & (links.excess > 0) & (links.r > min_r)]


def find_families(links: pd.DataFrame, max_q: float, min_r: float = -1.0) -> list[Family]:
    """Families of at least two agents: the most widely shared first, then by mean excess.

    Only strong links join features. They are taken from the highest r to the lowest; one that
    would give an agent two features in one family is left out.
    """
    order = ["r", "agent_a", "feature_a", "agent_b", "feature_b"]
    strong = strong_links(links, max_q, min_r)
    groups: dict[Member, dict[int, int]] = {}
    used: list[tuple[Member, float, float]] = []
    for link in strong.sort_values(order, ascending=[False, *[True] * 4]).itertuples():
        a, b = (int(link.agent_a), int(link.feature_a)), (int(link.agent_b), int(link.feature_b))
        left, right = groups.setdefault(a, dict([a])), groups.setdefault(b, dict([b]))
        if left is not right:
            if left.keys() & right.keys():
                continue
            left.update(right)
            for member in right.items():
                groups[member] = left
        used.append((a, float(link.r), float(link.excess)))
    return _families(groups, used)


def _families(
    groups: dict[Member, dict[int, int]], used: list[tuple[Member, float, float]]
) -> list[Family]:
    """used: one member, r and excess of every link that holds a family together."""
    held: dict[int, list[tuple[float, float]]] = {}
    for member, r, excess in used:
        held.setdefault(id(groups[member]), []).append((r, excess))
    distinct = {id(group): group for group in groups.values() if len(group) > 1}
    families = [
        Family(
            dict(sorted(group.items())),
            float(np.mean([r for r, _ in held[key]])),
            float(np.mean([excess for _, excess in held[key]])),
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
