"""Families from mutual matches: at most one feature an agent, strongest links first."""

from __future__ import annotations

import numpy as np
import pytest

from sae.comparison.significance import MAX_Q
from sae.matching.assignment import FeatureMatch
from sae.matching.families import Link, find_families, find_links, histogram


def match(a, b, found, null, size=4):
    """Matches of a to b; found: {feature of a: (feature of b, r, mutual)}."""
    feature_b, r = np.full(size, -1), np.full(size, np.nan)
    mutual = np.zeros(size, dtype=bool)
    for f, (g, value, both) in found.items():
        feature_b[f], r[f], mutual[f] = g, value, both
    zeros = np.zeros(size, dtype=np.int64)
    return FeatureMatch(
        agent_a=a,
        agent_b=b,
        site="site",
        tokens=10,
        feature_b=feature_b,
        second_b=np.full(size, -1),
        r=r,
        r_chosen=r,
        r_within=r,
        p=r,
        mutual=mutual,
        assigned=feature_b,
        assigned_r=r,
        firings_a=zeros,
        firings_b=zeros,
        null_r={"null": np.array(null)},
        ceiling_r=r,
        ridge_r2=r,
        ridge_null_r2=r,
    )


def test_links_are_mutual_matches_less_the_greater_null():
    matches = {
        (0, 1): match(0, 1, {0: (2, 0.9, True), 1: (2, 0.6, False)}, [0.1, 0.1, 0.1, 0.1]),
        (1, 0): match(1, 0, {2: (0, 0.9, True)}, [0.0, 0.0, 0.3, 0.0]),
    }
    q = {(0, 1): np.array([0.01, 0.9, 0.9, 0.9]), (1, 0): np.full(4, 0.9)}
    (link,) = find_links(matches, q, "null")
    assert link.q == 0.01
    assert (link.a, link.b) == ((0, 0), (1, 2))
    assert (link.r, link.excess) == pytest.approx((0.9, 0.6))


def link(r, a, b, excess=0.1, q=0.0):
    return Link(r, excess, q, a, b)


def test_links_join_into_families():
    found = find_families(
        [
            link(0.9, (0, 0), (1, 2)),
            link(0.4, (0, 1), (1, 3)),
            link(0.8, (0, 0), (2, 1)),
            link(0.7, (1, 2), (2, 1)),
        ],
        MAX_Q,
        min_r=0.5,
    )
    assert [f.members for f in found] == [{0: 0, 1: 2, 2: 1}]
    assert (found[0].mean_r, found[0].mean_excess) == pytest.approx((0.8, 0.1))
    assert found[0].links == 3
    assert found[0].consistency == 1
    assert histogram(found, {0: 2, 1: 2, 2: 2}) == {1: 3, 2: 0, 3: 1}


def test_links_must_exceed_chance_however_high_their_r():
    links = [
        link(0.99, (0, 0), (1, 0), q=0.06),
        link(0.98, (0, 2), (1, 2), excess=-0.01),
        link(0.4, (0, 1), (1, 1)),
    ]
    assert [f.members for f in find_families(links, MAX_Q)] == [{0: 1, 1: 1}]
    assert find_families(links, MAX_Q, min_r=0.5) == []


def test_the_weakest_link_yields_when_an_agent_would_appear_twice():
    links = [
        link(0.7, (0, 1), (2, 0)),
        link(0.9, (0, 0), (1, 0)),
        link(0.8, (1, 0), (2, 0)),
    ]
    found = find_families(links, MAX_Q)
    assert [f.members for f in found] == [{0: 0, 1: 0, 2: 0}]
    assert found[0].links == 2
    assert found[0].consistency == pytest.approx(2 / 3)
    assert found[0].mean_r == pytest.approx(0.85)
    assert histogram(found, {0: 2, 1: 1, 2: 1}) == {1: 1, 2: 0, 3: 1}


def test_families_that_hold_the_same_agent_stay_apart():
    links = [
        link(0.9, (0, 0), (1, 0)),
        link(0.8, (0, 1), (1, 1)),
        link(0.7, (1, 0), (2, 0)),
        link(0.6, (0, 1), (2, 0)),
    ]
    found = find_families(links, MAX_Q)
    assert [f.members for f in found] == [{0: 0, 1: 0, 2: 0}, {0: 1, 1: 1}]
