"""One agent's feature in the place of another's: planted cases whose outcome is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from sae.effects.matched import Matched
from sae.effects.substitution import (
    FIGURES,
    Interchange,
    substitution_summary,
    substitution_table,
)
from sae.matching.alignment import align
from tests.sae.effects.conftest import FEATURES
from world import Stream

STREAM = Stream(0, "test-substitution")


@pytest.fixture(scope="module")
def subject(agents, make_spliced):
    return make_spliced(agents[0])


def itself(feature):
    return Matched(0, feature, 1, feature, (feature + 1) % (FEATURES - 1), feature)


@pytest.fixture(scope="module")
def table(subject, small_world, batch):
    """Agent 1 is agent 0 under another number: every feature is its own match."""
    interchange = Interchange({0: subject, 1: subject}, small_world, batch)
    return substitution_table(interchange, [itself(f) for f in range(FEATURES)], STREAM)


def test_a_feature_takes_its_own_place(table):
    found = table[table.consequential]
    assert len(found) >= 4
    np.testing.assert_allclose(found.scale, 1, rtol=1e-5)
    np.testing.assert_allclose(found.activation_swap_match, 1, rtol=0, atol=0.01)
    np.testing.assert_allclose(found.direction_swap_match, 1, rtol=0, atol=0.05)
    np.testing.assert_allclose(found.cosine, 1, rtol=1e-4)


def test_others_recover_less(table):
    found = table[table.consequential]
    for control in (found.activation_swap_second, found.activation_swap_frequency):
        assert (control < 0.5).mean() > 0.8
    assert found.direction_swap_random.median() < 0.5
    summary = substitution_summary(table, STREAM, resamples=100).set_index("figure")
    assert list(summary.index[:5]) == list(FIGURES)
    assert summary.low["activation_swap_match - activation_swap_frequency"] > 0.2
    assert summary.value["activation_swap_match"] == pytest.approx(1, abs=0.01)


def test_features_without_a_cost_are_not_consequential(table, subject, small_world, batch):
    silent = table.iloc[-1]
    assert silent.cost == 0
    assert not silent.consequential
    assert silent[list(FIGURES)].isna().all()
    interchange = Interchange({0: subject, 1: subject}, small_world, batch)
    strict = substitution_table(interchange, [itself(0)], STREAM, floor=1e9)
    assert not strict.consequential.any()
    assert list(strict.columns) == list(table.columns)
    assert substitution_summary(strict, STREAM).value.isna().all()


def test_a_scaled_and_rotated_agent_is_the_same_agent(subject, small_world, batch):
    """Features half as active whose activations are turned: scale and rotation undo both."""
    generator = torch.Generator().manual_seed(0)
    turn = torch.linalg.qr(torch.randn(32, 32, generator=generator)).Q
    network = object.__new__(type(subject.network))
    network.__dict__.update(subject.network.__dict__)
    network.site_values = subject.network.site_values @ turn + 3
    other = replace(
        subject,
        network=network,
        codes=subject.codes * np.float32(0.5),
        decoder=2 * subject.decoder @ turn,
    )
    interchange = Interchange({0: subject, 1: other}, small_world, batch)
    pairs = [itself(f) for f in range(4)]
    found = substitution_table(interchange, pairs, STREAM)
    found = found[found.consequential]
    assert len(found)
    np.testing.assert_allclose(found.scale, 2, rtol=1e-5)
    np.testing.assert_allclose(found[["cosine", "aligned"]], 1, rtol=0, atol=1e-3)
    np.testing.assert_allclose(
        found[["activation_swap_match", "direction_swap_match"]], 1, rtol=0, atol=0.05
    )
    again = substitution_table(interchange, pairs, STREAM)
    pd.testing.assert_frame_equal(found, again[again.consequential])


def test_everything_fitted_is_fitted_on_the_selection_split(subject, small_world, batch, rows):
    """Activations that are nothing but noise on the evaluation split change no fit."""
    noise = np.random.default_rng(0).random(subject.codes.shape).astype(np.float32)
    codes = np.where(rows.evaluation[:, None], noise, subject.codes.toarray())
    other = replace(subject, codes=type(subject.codes)(codes))
    interchange = Interchange({0: subject, 1: other}, small_world, batch)
    assert interchange.scale(itself(2), 2) == pytest.approx(1)
    plain = Interchange({0: subject, 1: subject}, small_world, batch)
    assert (interchange.profiles[1] == plain.profiles[1]).all()


def test_alignment_finds_a_rotation():
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(500, 6, generator=generator)
    turn = torch.linalg.qr(torch.randn(6, 6, generator=generator)).Q
    found = align(x, x @ turn + 5)
    torch.testing.assert_close(found.rotation, turn, rtol=0, atol=1e-5)
    assert found.explained_variance(x, x @ turn + 5) == pytest.approx(1)
    narrow = align(x, x[:, :4])
    torch.testing.assert_close(narrow.rotation.T @ narrow.rotation, torch.eye(4))
