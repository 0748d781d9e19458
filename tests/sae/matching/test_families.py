"""Families from mutual matches: at most one feature an agent, strongest links first."""

from __future__ import annotations

import pandas as pd
import pytest

from sae.comparison.significance import MAX_Q
from sae.matching.families import find_families, find_links, histogram


def matches(rows):
    """Rows of (agent_a, feature_a, agent_b, feature_b, r, null_r, q, mutual)."""
    columns = ["agent_a", "feature_a", "agent_b", "feature_b", "r", "null_r", "q", "mutual"]
    return pd.DataFrame(rows, columns=columns)


def test_links_are_mutual_matches_less_the_greater_null():
    table = matches(
        [
            (0, 0, 1, 2, 0.9, 0.1, 0.01, True),
            (0, 1, 1, 2, 0.6, 0.1, 0.9, False),
            (1, 2, 0, 0, 0.9, 0.3, 0.9, True),
            (1, 3, 0, 0, 0.2, 0.4, 0.9, False),
        ]
    )
    (link,) = find_links(table).itertuples()
    assert link.q == 0.01
    assert (link.agent_a, link.feature_a, link.agent_b, link.feature_b) == (0, 0, 1, 2)
    assert (link.r, link.excess) == pytest.approx((0.9, 0.6))


def link(r, a, b, excess=0.1, q=0.0):
    return {
        **dict(zip(("agent_a", "feature_a"), a, strict=True)),
        **dict(zip(("agent_b", "feature_b"), b, strict=True)),
        "r": r,
        "excess": excess,
        "q": q,
    }


def families(links, min_r=-1.0):
    return find_families(pd.DataFrame(links), MAX_Q, min_r)


def test_links_join_into_families():
    found = families(
        [
            link(0.9, (0, 0), (1, 2)),
            link(0.4, (0, 1), (1, 3)),
            link(0.8, (0, 0), (2, 1)),
            link(0.7, (1, 2), (2, 1)),
        ],
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
    assert [f.members for f in families(links)] == [{0: 1, 1: 1}]
    assert families(links, min_r=0.5) == []


def test_the_weakest_link_yields_when_an_agent_would_appear_twice():
    links = [
        link(0.7, (0, 1), (2, 0)),
        link(0.9, (0, 0), (1, 0)),
        link(0.8, (1, 0), (2, 0)),
    ]
    found = families(links)
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
    found = families(links)
    assert [f.members for f in found] == [{0: 0, 1: 0, 2: 0}, {0: 1, 1: 1}]
