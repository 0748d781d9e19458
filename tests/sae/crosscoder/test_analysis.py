"""Crosscoders made by hand, right or wrong in a known way, and what the analysis says of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import sparse

from sae.crosscoder.analysis import analyse
from sae.crosscoder.collect import collect
from sae.crosscoder.config import CrosscoderConfig
from sae.crosscoder.sharing import cell_share
from tests.helpers.planted import AGENTS, OWNERS, one_cell_rows
from tests.sae.crosscoder.conftest import exact_crosscoder

TOKENS = 6000
CONFIG = CrosscoderConfig()
SHARED, OWN = 0, len(OWNERS) - 1


@pytest.fixture(scope="module")
def drawn(planted):
    return planted.draw(TOKENS)


@pytest.fixture(scope="module")
def right(planted, drawn):
    crosscoder = exact_crosscoder(planted.direction, planted.direction)
    return analyse(crosscoder, drawn[0].split(700), one_cell_rows(TOKENS), CONFIG)


def scaling_of(analysis, feature):
    table = analysis.scaling[analysis.scaling.feature == feature]
    return table[table.agent != table.owner]


def test_a_right_crosscoder_is_read_right(right):
    assert right.features.carriers.tolist() == [len(owners) for owners in OWNERS]
    unique = right.features[right.features.sharing == "unique"]
    assert unique.owner.tolist() == [owners[0] for owners in OWNERS if len(owners) == 1]
    assert unique.exclusive.all()
    assert unique.exclusive_within.all()
    assert not right.features.exclusive[right.features.sharing != "unique"].any()
    shares = right.features[[f"share_{a}" for a in range(AGENTS)]].to_numpy()
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    summary = right.summary()
    assert (summary["shared"], summary["partial"], summary["unique"]) == (12, 10, 10)
    assert summary["exclusive"] == 10
    assert summary["by_carriers"] == {"1": 10, "2": 10, "5": 12}


def test_scaling_is_1_where_a_feature_is_carried_and_0_elsewhere(right):
    for name in ("error", "reconstruction", "error_within", "reconstruction_within"):
        np.testing.assert_allclose(scaling_of(right, SHARED)[name], 1.0, atol=0.15)
        np.testing.assert_allclose(scaling_of(right, OWN)[name], 0.0, atol=0.15)


def test_a_shrunk_decoder_is_found_out_by_the_error(planted, drawn):
    decoder = planted.direction.clone()
    decoder[SHARED, 1:] = 0
    crosscoder = exact_crosscoder(planted.direction, decoder)
    analysis = analyse(crosscoder, [drawn[0]], one_cell_rows(TOKENS), CONFIG)
    feature = analysis.features.loc[SHARED]
    assert feature.sharing == "unique"
    assert not feature.exclusive
    assert scaling_of(analysis, SHARED).error.min() > 0.9
    assert scaling_of(analysis, SHARED).reconstruction.max() < 0.2


def test_a_decoupled_feature_is_found_out_by_the_reconstruction(planted, drawn):
    first, rest = planted.direction.clone(), planted.direction[[SHARED]].clone()
    first[SHARED, 1:] = 0
    rest[:, 0] = 0
    source = torch.tensor([*range(len(OWNERS)), SHARED])
    crosscoder = exact_crosscoder(planted.direction, torch.cat([first, rest]), source)
    analysis = analyse(crosscoder, [drawn[0]], one_cell_rows(TOKENS), CONFIG)
    feature = analysis.features.loc[SHARED]
    assert feature.sharing == "unique"
    assert not feature.exclusive
    assert scaling_of(analysis, SHARED).reconstruction.min() > 0.9
    assert scaling_of(analysis, SHARED).error.max() < 0.2


def test_a_unique_feature_that_the_cell_decides_is_not_exclusive(planted):
    """Every agent that has another feature decided by the cell could do without it."""
    x, codes = planted.draw(TOKENS)
    rows = one_cell_rows(TOKENS)
    cell = (np.arange(TOKENS) // 3) % 2
    on = torch.from_numpy(cell.astype(np.float32))
    for feature in (SHARED, OWN):
        x += (on - codes[:, feature])[:, None, None] * planted.direction[feature]
    rows = replace(rows, position=cell.astype(np.int64))
    crosscoder = exact_crosscoder(planted.direction, planted.direction)
    analysis = analyse(crosscoder, [x], rows, CONFIG)
    assert analysis.features.cell_share[OWN] > 0.98
    assert abs(analysis.features.cell_share[OWN - 1]) < 0.05
    assert scaling_of(analysis, OWN).reconstruction.min() > 0.5
    assert not analysis.features.exclusive[OWN]
    assert scaling_of(analysis, OWN - 1).reconstruction_within.abs().max() < 0.2


def test_rare_features_are_not_judged(planted, drawn):
    crosscoder = exact_crosscoder(planted.direction, planted.direction)
    strict = replace(CONFIG, min_firings=TOKENS)
    analysis = analyse(crosscoder, [drawn[0]], one_cell_rows(TOKENS), strict)
    assert not analysis.features.judged.any()
    assert not analysis.features.exclusive.any()


def test_scatter_and_quality_agree_with_the_definitions(planted, drawn):
    crosscoder = exact_crosscoder(planted.direction, planted.direction)
    x = drawn[0]
    rng = np.random.default_rng(0)
    rows = replace(one_cell_rows(TOKENS), position=rng.integers(0, 900, TOKENS))
    found = collect(crosscoder, x.split(501), rows)
    codes = crosscoder.encode(x)
    np.testing.assert_allclose(found.codes.toarray(), codes, atol=1e-5)
    for half in (0, 1):
        mine = rows.evaluation == bool(half)
        f, y = codes.numpy()[mine].astype(float), x.flatten(1).numpy()[mine].astype(float)
        for scatter, groups in (
            (found.overall[half], np.zeros(mine.sum(), dtype=int)),
            (found.within[half], rows.position[mine]),
        ):
            for group in np.unique(groups):
                rows_of = groups == group
                f[rows_of] -= f[rows_of].mean(axis=0)
                y[rows_of] -= y[rows_of].mean(axis=0)
            np.testing.assert_allclose(scatter.codes, f.T @ f, atol=1e-2)
            got = scatter.activations.reshape(len(OWNERS), -1)
            np.testing.assert_allclose(got, f.T @ y, atol=1e-2)
    residual = (x - crosscoder.decode(codes)).pow(2).sum(dim=(0, 2))
    variance = (x - x.mean(dim=0)).pow(2).sum(dim=(0, 2))
    explained = list(found.quality.explained_variance.values())
    np.testing.assert_allclose(explained, 1 - residual / variance, atol=1e-5)
    assert found.quality.l0 == pytest.approx(float((codes > 0).sum(dim=1).float().mean()), abs=1e-6)
    assert found.quality.dead == 0


def test_rows_and_blocks_must_cover_the_same_tokens(planted, drawn):
    crosscoder = exact_crosscoder(planted.direction, planted.direction)
    with pytest.raises(ValueError, match=r"blocks hold 100 tokens"):
        collect(crosscoder, [drawn[0][:100]], one_cell_rows(200))


def test_cell_share_is_the_correlation_with_another_row_of_the_cell():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(400), 5)
    cell = rng.normal(size=400)[groups]
    own = rng.normal(size=2000)
    codes = np.stack([cell, own, cell + own, np.zeros(2000)], axis=1)
    share = cell_share(sparse.csr_array(codes), groups)
    np.testing.assert_allclose(share[:3], [1.0, 0.0, 0.5], atol=0.06)
    assert np.isnan(share[3])
    assert np.isnan(cell_share(sparse.csr_array(codes[:5]), np.arange(5))).all()
