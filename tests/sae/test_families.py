"""Families from mutual matches: at most one feature an agent, strongest links first."""

from __future__ import annotations

import numpy as np
import pytest

from sae.families import Link, find_families, find_links, histogram
from sae.matching import FeatureMatch


def match(a, b, found, null, size=4):
    """Matches of a to b; found: {feature of a: (feature of b, r, mutual)}."""
    feature_b, r = np.full(size, -1), np.full(size, np.nan)
    mutual = np.zeros(size, dtype=bool)
    for f, (g, value, both) in found.items():
        feature_b[f], r[f], mutual[f] = g, value, both
    zeros = np.zeros(size, dtype=np.int64)
    null_r = {"null": np.array(null)}
    return FeatureMatch(
        a, b, "site", 10, feature_b, r, mutual, feature_b, r, zeros, zeros, null_r, r
    )


def test_links_are_mutual_matches_less_the_greater_null():
    matches = {
        (0, 1): match(0, 1, {0: (2, 0.9, True), 1: (2, 0.6, False)}, [0.1, 0.1, 0.1, 0.1]),
        (1, 0): match(1, 0, {2: (0, 0.9, True)}, [0.0, 0.0, 0.3, 0.0]),
    }
    (link,) = find_links(matches, "null")
    assert (link.a, link.b) == ((0, 0), (1, 2))
    assert (link.r, link.excess) == pytest.approx((0.9, 0.6))


def link(r, a, b, excess=None):
    return Link(r, r - 0.1 if excess is None else excess, a, b)


def test_links_join_into_families():
    found = find_families(
        [
            link(0.9, (0, 0), (1, 2)),
            link(0.4, (0, 1), (1, 3)),
            link(0.8, (0, 0), (2, 1)),
            link(0.7, (1, 2), (2, 1)),
        ],
        threshold=0.5,
    )
    assert [f.members for f in found] == [{0: 0, 1: 2, 2: 1}]
    assert (found[0].mean_r, found[0].mean_excess) == pytest.approx((0.8, 0.7))
    assert found[0].links == 3
    assert histogram(found, {0: 2, 1: 2, 2: 2}) == {1: 3, 2: 0, 3: 1}


def test_trivial_features_do_not_link_however_high_their_r():
    links = [link(0.99, (0, 0), (1, 0), excess=0.01), link(0.4, (0, 1), (1, 1), excess=0.3)]
    assert [f.members for f in find_families(links, threshold=0.1)] == [{0: 1, 1: 1}]
    assert find_families(links, threshold=0.1, min_r=0.5) == []


def test_the_weakest_link_yields_when_an_agent_would_appear_twice():
    links = [
        link(0.7, (0, 1), (2, 0)),
        link(0.9, (0, 0), (1, 0)),
        link(0.8, (1, 0), (2, 0)),
    ]
    found = find_families(links, threshold=0.0)
    assert [f.members for f in found] == [{0: 0, 1: 0, 2: 0}]
    assert found[0].links == 2
    assert found[0].mean_r == pytest.approx(0.85)
    assert histogram(found, {0: 2, 1: 1, 2: 1}) == {1: 1, 2: 0, 3: 1}


def test_families_that_hold_the_same_agent_stay_apart():
    links = [
        link(0.9, (0, 0), (1, 0)),
        link(0.8, (0, 1), (1, 1)),
        link(0.7, (1, 0), (2, 0)),
        link(0.6, (0, 1), (2, 0)),
    ]
    found = find_families(links, threshold=0.0)
    assert [f.members for f in found] == [{0: 0, 1: 0, 2: 0}, {0: 1, 1: 1}]
