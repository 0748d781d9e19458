"""Crosscoders trained for real: planted features, copies of one agent, nothing shared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import sparse

from sae.crosscoder.analysis import analyse
from sae.crosscoder.config import CrosscoderConfig
from sae.crosscoder.controls import permuted_within_cells, random_rotations, rotated_copies
from sae.crosscoder.model import as_crosscoder
from sae.crosscoder.training import train_crosscoder
from sae.dictionaries.training import save_sae
from sae.matching.correlation import pearson
from tests.helpers.planted import AGENTS, OWNERS, WIDTH, Planted, one_cell_rows
from world.core.errors import UserError

CONFIG = CrosscoderConfig(
    d_sae=48, k=2.6, training_tokens=120_000, batch_size=512, min_firings=100, dead_after=32
)
SHORT = replace(CONFIG, training_tokens=10_240, batch_size=256)
TOKENS = 20_000


def trained(batches, config, folder):
    seen = []
    sae = train_crosscoder(batches, range(AGENTS), config, 5)
    save_sae(sae, folder / "xc", lambda saved: {"n": seen.append(as_crosscoder(saved))})
    return seen[0]


def changed(planted, change):
    while True:
        yield change(planted.draw(512)[0], one_cell_rows(512))


@pytest.fixture(scope="module")
def on_planted(tmp_path_factory):
    planted = Planted(2)
    crosscoder = trained(planted.batches(512), CONFIG, tmp_path_factory.mktemp("planted"))
    x, codes = planted.draw(TOKENS)
    return codes, analyse(crosscoder, [x], one_cell_rows(TOKENS), CONFIG)


@pytest.mark.slow
def test_planted_features_are_recovered_with_their_owners(on_planted):
    codes, analysis = on_planted
    r = np.nan_to_num(pearson(sparse.csr_array(codes.numpy()), analysis.codes))
    assert (r.max(axis=1) > 0.9).mean() >= 0.9
    shares = analysis.features[[f"share_{a}" for a in range(AGENTS)]].to_numpy()[r.argmax(axis=1)]
    found = shares > CONFIG.carried * shares.max(axis=1, keepdims=True)
    right = [set(np.flatnonzero(f)) == set(o) for f, o in zip(found, OWNERS, strict=True)]
    assert np.mean(right) >= 0.9
    assert min(analysis.quality.explained_variance.values()) > 0.95


@pytest.mark.slow
def test_unique_planted_features_pass_latent_scaling(on_planted):
    summary = on_planted[1].summary()
    assert summary["unique"] >= 8
    assert summary["exclusive"] >= 0.8 * summary["unique"]


@pytest.mark.slow
def test_copies_of_one_agent_have_no_unique_feature(tmp_path):
    planted, change = Planted(3), rotated_copies(1, seed=0)
    crosscoder = trained(changed(planted, change), CONFIG, tmp_path)
    rows = one_cell_rows(TOKENS)
    analysis = analyse(crosscoder, [change(planted.draw(TOKENS)[0], rows)], rows, CONFIG)
    judged = analysis.features[analysis.features.judged]
    assert len(judged) >= 15
    assert (judged.sharing == "shared").all()


@pytest.mark.slow
def test_agents_of_permuted_rows_share_nothing(tmp_path):
    planted, change = Planted(4), permuted_within_cells(np.random.default_rng(0))
    config = replace(CONFIG, d_sae=120, k=7.0)
    crosscoder = trained(changed(planted, change), config, tmp_path)
    rows = one_cell_rows(TOKENS)
    analysis = analyse(crosscoder, [change(planted.draw(TOKENS)[0], rows)], rows, config)
    judged = analysis.features[analysis.features.judged]
    assert len(judged) >= 40
    assert (judged.sharing == "unique").mean() > 0.8
    assert (judged.sharing == "shared").mean() < 0.05


def test_rotations_are_orthogonal_and_all_different():
    turns = random_rotations(3, WIDTH, torch.Generator().manual_seed(0))
    eye = torch.eye(WIDTH).expand(3, -1, -1)
    torch.testing.assert_close(turns @ turns.mT, eye, rtol=0, atol=1e-5)
    assert (turns[0] - turns[1]).abs().max() > 0.1
    x = torch.randn(10, AGENTS, WIDTH)
    copies = rotated_copies(2, seed=1)(x, one_cell_rows(10))
    torch.testing.assert_close(copies.norm(dim=2), x[:, [2]].norm(dim=2).expand(-1, AGENTS))
    assert torch.equal(copies, rotated_copies(2, seed=1)(x, one_cell_rows(10)))


def test_permuted_leaves_the_first_agent_and_moves_the_others():
    x = torch.randn(200, AGENTS, WIDTH)
    moved = permuted_within_cells(np.random.default_rng(0))(x, one_cell_rows(200))
    assert torch.equal(moved[:, 0], x[:, 0])
    for agent in range(1, AGENTS):
        assert (moved[:, agent] != x[:, agent]).all()
        torch.testing.assert_close(moved[:, agent].sum(dim=0), x[:, agent].sum(dim=0))


def test_same_seed_same_weights_and_no_generator_is_moved():
    state = torch.get_rng_state()
    found = [
        train_crosscoder(Planted(1).batches(256), range(AGENTS), SHORT, seed).W_dec.detach()
        for seed in (1, 1, 2)
    ]
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    assert torch.equal(torch.get_rng_state(), state)


def test_loud_agents_count_no_more_than_quiet_ones():
    def loud():
        for batch in Planted(1).batches(256):
            yield batch * torch.tensor([1.0, 10.0, 0.1, 1.0, 1.0])[:, None]

    seen = []
    plain = train_crosscoder(Planted(1).batches(256), range(AGENTS), SHORT, 1)
    sae = train_crosscoder(
        loud(), range(AGENTS), SHORT, 1, progress=lambda done, total, _: seen.append((done, total))
    )
    torch.testing.assert_close(sae.W_dec, plain.W_dec, rtol=1e-2, atol=1e-2)
    assert seen[-1] == (SHORT.training_tokens, SHORT.training_tokens)


def test_silent_agent_is_refused():
    batches = iter(
        [torch.randn(256, AGENTS, WIDTH) * torch.tensor([0.0, 1, 1, 1, 1])[:, None]] * 40
    )
    with pytest.raises(ValueError, match="mean norm of 0, which must be finite and above 0"):
        train_crosscoder(batches, range(AGENTS), SHORT, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 0.0}, "k must be between"),
        ({"k": 2000.0}, "k must be between"),
        ({"k": 0.001}, "no active feature"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"training_tokens": 10}, "at least batch_size"),
        ({"carried": 1.0}, "carried must be"),
    ],
)
def test_impossible_options_are_refused(change, message):
    with pytest.raises(UserError, match=message):
        CrosscoderConfig(**change)
