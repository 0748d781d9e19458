"""Activations of the tokens asked for, in order, whatever the room for them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agents.circuits.probes import harvest, residual_sites
from agents.circuits.probes.harvest import vectors
from world.core.errors import UserError


def harvested(model, batch, sites, where, memory):
    return dict(vectors(model, batch, sites, where, memory))


@pytest.mark.parametrize("memory", [1, 32 * 4 * 300 * 2, 2**30], ids=["one", "some", "all"])
def test_sites_are_harvested_in_as_many_passes_as_fit(untrained, quizzes, memory):
    where = np.random.default_rng(0).random(quizzes.tokens.shape) < 0.5
    sites = (*residual_sites(untrained), "blocks.1.attn.hook_z", "blocks.0.mlp.hook_post")
    found = harvested(untrained, quizzes, sites, where, memory)
    assert tuple(found) == sites
    tokens = torch.from_numpy(quizzes.tokens.astype(np.int64))
    for site, x in found.items():
        held = untrained.capture(tokens, [site])[site].flatten(2)
        expected = held[torch.from_numpy(where)].numpy()
        assert x.dtype == np.float32
        np.testing.assert_allclose(x, expected, atol=1e-5)


def test_passes_are_no_more_than_needed(untrained, quizzes, monkeypatch):
    where = np.ones(quizzes.tokens.shape, dtype=np.bool_)
    sites, asked = residual_sites(untrained), []
    capture = harvest.capture

    def noting(model, tokens, part):
        asked.append(tuple(part))
        return capture(model, tokens, part)

    monkeypatch.setattr(harvest, "capture", noting)
    harvested(untrained, quizzes, sites, where, 2 * 32 * 4 * where.size)
    assert sites == (
        "blocks.0.hook_resid_pre",
        *(f"blocks.{layer}.hook_resid_{part}" for layer in (0, 1) for part in ("mid", "post")),
    )
    assert asked == [sites, sites[:2], sites[2:4], sites[4:]]


@pytest.mark.parametrize("site", ["blocks.0.attn.hook_pattern", "blocks.0.attn.hook_attn_scores"])
def test_attention_patterns_are_refused(untrained, quizzes, site):
    where = np.ones(quizzes.tokens.shape, dtype=np.bool_)
    with pytest.raises(UserError, match="has no vector for every position"):
        harvested(untrained, quizzes, [site], where, 1)


def test_an_unknown_site_is_refused(untrained, quizzes):
    where = np.ones(quizzes.tokens.shape, dtype=np.bool_)
    with pytest.raises(UserError, match=r"unknown site 'blocks\.9'"):
        harvested(untrained, quizzes, ["blocks.9"], where, 1)
