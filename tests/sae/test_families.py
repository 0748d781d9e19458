"""Families from mutual matches: at most one feature an agent, strongest links first."""

from __future__ import annotations

import numpy as np

from sae.families import find_families, histogram
from sae.matching import FeatureMatch


def match(a, b, links, size=4):
    """Matches of a to b, all mutual; links: {feature of a: (feature of b, r)}."""
    feature_b, r = np.full(size, -1), np.full(size, np.nan)
    for f, (g, value) in links.items():
        feature_b[f], r[f] = g, value
    zeros = np.zeros(size, dtype=np.int64)
    return FeatureMatch(
        a, b, "site", 10, feature_b, r, feature_b >= 0, feature_b, r, zeros, zeros, {"null": r}, r
    )


def test_links_join_into_families():
    found = find_families(
        [
            match(0, 1, {0: (2, 0.9), 1: (3, 0.4)}),
            match(0, 2, {0: (1, 0.8)}),
            match(1, 2, {2: (1, 0.7)}),
            match(1, 0, {2: (0, 0.9), 3: (1, 0.4)}),
        ],
        threshold=0.5,
    )
    assert [f.members for f in found] == [{0: 0, 1: 2, 2: 1}]
    assert np.isclose(found[0].mean_r, 0.8)
    assert found[0].links == 3
    assert histogram(found, {0: 2, 1: 2, 2: 2}) == {1: 3, 2: 0, 3: 1}


def test_the_weakest_link_yields_when_an_agent_would_appear_twice():
    found = find_families(
        [
            match(0, 1, {0: (0, 0.9)}),
            match(1, 2, {0: (0, 0.8)}),
            match(0, 2, {1: (0, 0.7)}),
        ],
        threshold=0.0,
    )
    assert [f.members for f in found] == [{0: 0, 1: 0, 2: 0}]
    assert found[0].links == 2
    assert np.isclose(found[0].mean_r, 0.85)
    assert histogram(found, {0: 2, 1: 1, 2: 1}) == {1: 1, 2: 0, 3: 1}


def test_families_that_hold_the_same_agent_stay_apart():
    matches = [
        match(0, 1, {0: (0, 0.9), 1: (1, 0.8)}),
        match(1, 2, {0: (0, 0.7)}),
        match(0, 2, {1: (0, 0.6)}),
    ]
    found = find_families(matches, threshold=0.0)
    assert [f.members for f in found] == [{0: 0, 1: 0, 2: 0}, {0: 1, 1: 1}]
