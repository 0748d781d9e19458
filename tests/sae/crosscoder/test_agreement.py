"""Features of separate SAEs beside the crosscoder's: which are called unique by which."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sae.crosscoder.agreement import agreement, cross_table, match_features, partners
from sae.crosscoder.analysis import analyse
from sae.crosscoder.config import CrosscoderConfig
from tests.helpers.planted import AGENTS, OWNERS, one_cell_rows
from tests.sae.crosscoder.conftest import exact_crosscoder

TOKENS = 4000


@pytest.fixture(scope="module")
def analysis(planted):
    crosscoder = exact_crosscoder(planted.direction, planted.direction)
    blocks = [planted.draw(TOKENS)[0]]
    return analyse(crosscoder, blocks, one_cell_rows(TOKENS), CrosscoderConfig())


@pytest.fixture(scope="module")
def own(analysis):
    """Every agent's own SAE has just the features that it carries, in order."""
    return {
        a: analysis.codes[:, [f for f, owners in enumerate(OWNERS) if a in owners]].tocsr()
        for a in range(AGENTS)
    }


@pytest.fixture(scope="module")
def families():
    """Every feature carried by several agents is a family."""
    places = [[f for f, owners in enumerate(OWNERS) if a in owners] for a in range(AGENTS)]
    several = [(f, owners) for f, owners in enumerate(OWNERS) if len(owners) > 1]
    return pd.DataFrame(
        {
            "k": [len(owners) for _, owners in several],
            "agents": [list(owners) for _, owners in several],
            "features": [[places[a].index(f) for a in owners] for f, owners in several],
        }
    )


@pytest.fixture(scope="module")
def matches():
    """A feature is matched in the agents that carry it as well, and unique or spanned in others."""
    rows = []
    for a in range(AGENTS):
        for place, f in enumerate(f for f, owners in enumerate(OWNERS) if a in owners):
            kind = "unique" if f % 2 else "subspace"
            others = [b for b in range(AGENTS) if b != a]
            rows += [(a, place, b, "matched" if b in OWNERS[f] else kind) for b in others]
    found = pd.DataFrame(rows, columns=["agent_a", "feature_a", "agent_b", "kind"])
    return found.astype({"kind": "string"})


def test_full_agreement(own, families, matches, analysis):
    matched = match_features(own, families, matches, analysis, 100)
    assert len(matched) == sum(len(owners) for owners in OWNERS)
    np.testing.assert_allclose(matched.r, 1.0)
    assert (matched.k == matched.carriers).all()
    assert cross_table(matched).to_dict() == {
        1: {1: 10, 2: 0, 5: 0},
        2: {1: 0, 2: 20, 5: 0},
        5: {1: 0, 2: 0, 5: 60},
    }
    found = agreement(matched, matched.k == 1)
    assert (found.features, found.matching, found.crosscoder, found.both) == (90, 10, 10, 10)
    assert found.observed == 1.0
    assert found.kappa == 1.0


def test_without_families_agreement_is_chance(own, families, matches, analysis):
    matched = match_features(own, families[:0], matches, analysis, 100)
    found = agreement(matched, matched.k == 1)
    assert (found.matching, found.both) == (90, 10)
    assert found.observed == pytest.approx(found.expected)
    assert found.kappa == pytest.approx(0.0)


def test_another_agents_unique_feature_is_not_ones_own(own, families, matches, analysis):
    swapped = {0: own[1], 1: own[0], **{a: own[a] for a in range(2, AGENTS)}}
    matched = match_features(swapped, families, matches, analysis, 100)
    foreign = matched[(matched.carriers == 1) & (matched.agent <= 1)]
    assert len(foreign) == 4
    assert not foreign.unique.any()


def test_badly_matched_and_rare_features_are_left_out(own, families, matches, analysis):
    noise = np.random.default_rng(0).random((TOKENS, 1)) < 0.1
    codes = {**own, 0: sparse.hstack([own[0], sparse.csr_array(noise.astype(np.float32))]).tocsr()}
    matched = match_features(codes, families, matches, analysis, 100)
    assert len(matched) == 91
    assert matched.r.min() < 0.2
    assert agreement(matched, matched.k == 1, min_r=0.5).features == 90
    assert cross_table(matched, min_r=0.5).to_numpy().sum() == 90
    assert match_features(own, families, matches, analysis, TOKENS).empty


def test_a_kind_counts_where_it_is_the_same_in_every_other_agent(own, families, matches, analysis):
    matched = match_features(own, families, matches, analysis, 100)
    alone = [f for f, owners in enumerate(OWNERS) if len(owners) == 1]
    odd = sum(f % 2 for f in alone)
    shared = 5 * sum(len(owners) == AGENTS for owners in OWNERS)
    # Features of a pair are matched in one agent and not in three.
    assert matched.kind.value_counts(dropna=False).to_dict() == {
        "matched": shared, None: 20, "unique": odd, "subspace": len(alone) - odd,
    }  # fmt: skip
    assert (matched[matched.kind == "unique"].k == 1).all()
    unknown = matches.assign(kind=matches.kind.where(matches.agent_b != 1))
    matched = match_features(own, families, unknown, analysis, 100)
    assert matched.kind[matched.agent != 1].isna().all()
    assert matched.kind[matched.agent == 1].notna().any()


def test_only_features_with_a_partner_are_held_against_the_crosscoder(
    own, families, matches, analysis
):
    """Of the features of agent 0 that are unique everywhere, the crosscoder has all but one."""
    noise = np.random.default_rng(0).random((TOKENS, 1)) < 0.1
    codes = {**own, 0: sparse.hstack([own[0], sparse.csr_array(noise.astype(np.float32))]).tocsr()}
    place = own[0].shape[1]
    rows = [(0, place, b, "unique") for b in range(1, AGENTS)]
    more = pd.concat([matches, pd.DataFrame(rows, columns=matches.columns)])
    matched = match_features(codes, families, more, analysis, 100)
    unique = matched.kind == "unique"
    found = partners(matched, unique, 0.7)
    assert (found.features, found.partners) == (unique.sum(), unique.sum() - 1)
    assert found.by_carriers == {"1": found.partners}
    assert found.unique == found.partners > 3
    assert found.median_r == pytest.approx(1.0)
    told = agreement(matched, unique, 0.7)
    assert (told.features, told.matching, told.both) == (90, found.partners, found.partners)
    assert told.crosscoder == 10
    nobody = partners(matched, unique & (matched.r < 0.7) & False, 0.7)
    assert (nobody.features, nobody.partners, nobody.by_carriers) == (0, 0, {})
    assert np.isnan(nobody.median_r)
