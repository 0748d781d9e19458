"""Are features that tell the answer shared? On carriers and families made by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from culture_sim.circuits.features import feature_figures, feature_table
from sae.contrasts.dissent import Links
from sae.effects.carriers import Carried, Top
from sae.effects.exchange import ALL, QUERIES
from world import Stream

pytestmark = pytest.mark.usefixtures("unchecked")
FEATURES = 12


def of_agent(carriers):
    """Features that fire alike; ``carriers`` tell it."""
    told = np.isin(np.arange(FEATURES), carriers)
    share = told * 0.3
    order = np.argsort(~told, kind="stable")
    top = [Top(1, 0.3, (0.2, 0.4), 0.0, (0.0, 0.0))]
    found = Carried(
        -0.8, (-0.9, -0.7), True, 0.1, order, share, share - 0.1, share + 0.1, share, told, top
    )
    exchange = SimpleNamespace(fires=np.full(FEATURES, 0.5))
    return SimpleNamespace(
        exchange=exchange,
        carried={QUERIES: found, ALL: found},
        carriers=order[told[order]],
    )


def compared(members, matches):
    """Families, and mutual best matches of features of agent 0 in agent 1, as many back."""
    forward, backward = np.full((2, FEATURES), -1)
    for a, b in matches.items():
        forward[a], backward[b] = b, a
    links = {
        (0, 1): Links(forward, np.zeros(FEATURES)),
        (1, 0): Links(backward, np.zeros(FEATURES)),
    }
    return SimpleNamespace(
        members=members,
        links=links,
        agents={0: None, 1: None},
        dictionary=SimpleNamespace(site="blocks.0.hook_resid_post", name="planted-12"),
    )


def test_carriers_that_are_shared_are_told_from_others():
    found = {0: of_agent([0, 1, 2]), 1: of_agent([3, 4, 5])}
    matched = {0: 3, 1: 4, 2: 5, 6: 6, 7: 7, 8: 8}
    families = [{0: a, 1: b} for a, b in matched.items() if a < 3]
    of = feature_figures(compared(families, matched), found, Stream(0, "test"))
    assert (of["site"], of["dictionary"]) == ("blocks.0.hook_resid_post", "planted-12")
    assert [one["carriers"] for one in of["agents"]] == [[0, 1, 2], [3, 4, 5]]
    assert of["agents"][0][QUERIES]["top"][0]["share"] == 0.3
    for shared in of["shared"]:
        assert (shared["of_features"], shared["of_others"]) == (1.0, 0.0)
        assert (shared["difference"], shared["features"]) == (1.0, 6)
        assert shared["interval"] == pytest.approx((1.0, 1.0))
    table = feature_table(compared(families, matched), found)
    assert table[table.carrier].agents.tolist() == [2] * 6
    assert table[~table.carrier].agents.tolist() == [1] * 18
    assert table[table.agent == 1].feature.tolist()[:3] == [3, 4, 5]


def test_carriers_that_are_not_shared_show_no_difference():
    found = {0: of_agent([0, 1, 2]), 1: of_agent([3, 4, 5])}
    every = {feature: feature for feature in range(FEATURES)}
    families = [{0: a, 1: b} for a, b in every.items()]
    of = feature_figures(compared(families, every), found, Stream(0, "test"))
    assert [shared["difference"] for shared in of["shared"][:2]] == [0.0, 0.0]
    assert of["shared"][2]["of_features"] == 0.0
