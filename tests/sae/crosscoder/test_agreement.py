"""Features of separate SAEs beside the crosscoder's: which are called unique by which."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sae.crosscoder.agreement import agreement, cross_table, match_features
from sae.crosscoder.analysis import analyse
from sae.crosscoder.config import CrosscoderConfig
from tests.sae.crosscoder.conftest import exact_crosscoder
from tests.sae.crosscoder.planted import AGENTS, OWNERS, one_cell_rows

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


def test_full_agreement(own, families, analysis):
    matched = match_features(own, families, analysis, 100)
    assert len(matched) == sum(len(owners) for owners in OWNERS)
    np.testing.assert_allclose(matched.r, 1.0)
    assert (matched.k == matched.carriers).all()
    assert cross_table(matched).to_dict() == {
        1: {1: 10, 2: 0, 5: 0},
        2: {1: 0, 2: 20, 5: 0},
        5: {1: 0, 2: 0, 5: 60},
    }
    found = agreement(matched)
    assert (found.features, found.matching, found.crosscoder, found.both) == (90, 10, 10, 10)
    assert found.observed == 1.0
    assert found.kappa == 1.0


def test_without_families_agreement_is_chance(own, families, analysis):
    matched = match_features(own, families[:0], analysis, 100)
    found = agreement(matched)
    assert (found.matching, found.both) == (90, 10)
    assert found.observed == pytest.approx(found.expected)
    assert found.kappa == pytest.approx(0.0)


def test_another_agents_unique_feature_is_not_ones_own(own, families, analysis):
    swapped = {0: own[1], 1: own[0], **{a: own[a] for a in range(2, AGENTS)}}
    matched = match_features(swapped, families, analysis, 100)
    foreign = matched[(matched.carriers == 1) & (matched.agent <= 1)]
    assert len(foreign) == 4
    assert not foreign.unique.any()


def test_badly_matched_and_rare_features_are_left_out(own, families, analysis):
    noise = np.random.default_rng(0).random((TOKENS, 1)) < 0.1
    codes = {**own, 0: sparse.hstack([own[0], sparse.csr_array(noise.astype(np.float32))]).tocsr()}
    matched = match_features(codes, families, analysis, 100)
    assert len(matched) == 91
    assert matched.r.min() < 0.2
    assert agreement(matched, min_r=0.5).features == 90
    assert cross_table(matched, min_r=0.5).to_numpy().sum() == 90
    assert match_features(own, families, analysis, TOKENS).empty
