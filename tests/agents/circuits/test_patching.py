"""Activation patching agrees with what the weights and activations say by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from agents.circuits import activation_patching, log_prob, logit_difference
from agents.scoring import graded_mask, score
from world.core.errors import UserError


@pytest.fixture(scope="module")
def pair(quizzes):
    """Quizzes, and the same with another first letter; the answer is changed alike."""
    tokens = torch.from_numpy(quizzes.tokens[::2].astype(np.int64))
    source = tokens.clone()
    source[:, 1] = (source[:, 1] + 1) % 6
    return tokens, source


@pytest.fixture(scope="module")
def metric(pair):
    tokens, source = pair
    position = torch.full((len(tokens),), 7)
    return logit_difference(position, tokens[:, 1], source[:, 1])


def logits(model, tokens):
    with torch.no_grad():
        return model(tokens)


def test_metrics_are_what_they_say(trained, strings, quizzes, pair, metric):
    tokens, source = pair
    z = logits(trained, tokens)
    by_hand = [float(z[b, 7, tokens[b, 1]] - z[b, 7, source[b, 1]]) for b in range(len(tokens))]
    assert metric(z).tolist() == pytest.approx(by_hand)
    graded = torch.from_numpy(graded_mask(strings, quizzes))
    whole = torch.from_numpy(quizzes.tokens.astype(np.int64))
    expected = score(trained, strings, quizzes).log_prob
    np.testing.assert_allclose(
        log_prob(whole, graded)(logits(trained, whole)), expected, rtol=0, atol=1e-4
    )


def test_whole_and_nothing(trained, pair, metric):
    """The last residual stream carries all to the logits; patching in itself changes nothing."""
    tokens, source = pair
    sites = ["blocks.1.hook_resid_post", "blocks.0.hook_mlp_out"]
    result = activation_patching(trained, tokens, source, sites, metric)
    assert torch.equal(result.tokens, metric(logits(trained, tokens)))
    assert torch.equal(result.source, metric(logits(trained, source)))
    assert torch.equal(result.patched[sites[0]], result.source)
    assert result.shares()[sites[0]] == 1.0
    assert result.shares()[sites[1]] != 1.0
    # The sum of the heads' results is rounded otherwise than the output of all heads.
    exact = [site for site in trained.site_names() if not site.endswith("hook_result")]
    same = activation_patching(trained, tokens, tokens, exact, metric)
    for site, value in same.patched.items():
        assert torch.equal(value, same.tokens), site


def test_the_last_mlp_by_hand(trained, pair, metric):
    """Residual stream before it of the tokens, its output of the source, then the unembedding."""
    tokens, source = pair
    site, before = "blocks.1.hook_mlp_out", "blocks.1.hook_resid_mid"
    result = activation_patching(trained, tokens, source, [site], metric)
    stream = trained.capture(tokens, [before])[before] + trained.capture(source, [site])[site]
    normed = F.layer_norm(stream, (32,), trained.ln_final.weight)
    assert torch.equal(metric(normed @ trained.unembed.weight.T) > 0, result.patched[site] > 0)
    torch.testing.assert_close(
        metric(normed @ trained.unembed.weight.T), result.patched[site], atol=1e-4, rtol=0
    )


def test_one_head_at_one_position_by_hand(trained, pair, metric):
    """Its z of the source goes through its own output weights, and nothing else changes."""
    tokens, source = pair
    site, h, t = "blocks.1.attn.hook_z", 1, 7
    where = torch.zeros(12, 2, 1, dtype=torch.bool)
    where[t, h] = True
    result = activation_patching(trained, tokens, source, [site], metric, where)
    after, block = "blocks.1.hook_resid_mid", trained.blocks[1]
    clean = trained.capture(tokens, [site, after])
    change = trained.capture(source, [site])[site][:, t, h] - clean[site][:, t, h]
    stream = clean[after].clone()
    stream[:, t] += change @ block.attn.out.weight[:, 16 * h : 16 * (h + 1)].T
    with torch.no_grad():
        stream = stream + block.mlp(block.ln2(stream))
        expected = metric(trained.unembed(trained.ln_final(stream)))
    torch.testing.assert_close(result.patched[site], expected, atol=1e-4, rtol=0)
    assert (result.patched[site] - result.tokens).abs().max() > 1e-3


def test_what_differs_is_carried_where_it_is_read(trained, pair, metric):
    """The letter enters at the position after its own, and nowhere else."""
    tokens, source = pair
    here, elsewhere = torch.zeros(12, 1, dtype=torch.bool), torch.ones(12, 1, dtype=torch.bool)
    here[2], elsewhere[2] = True, False
    carried, not_carried = (
        activation_patching(trained, tokens, source, ["hook_embed"], metric, where)
        for where in (here, elsewhere)
    )
    assert torch.equal(carried.patched["hook_embed"], carried.source)
    assert torch.equal(not_carried.patched["hook_embed"], not_carried.tokens)


def test_every_site_can_be_patched_and_an_unknown_one_not(trained, pair, metric):
    tokens, source = pair
    sites = trained.site_names()
    result = activation_patching(trained, tokens, source, [*sites, *sites], metric)
    assert list(result.patched) == list(sites)
    assert result.shares()["hook_pos_embed"] == 0.0
    with pytest.raises(UserError, match=r"unknown site 'blocks\.7"):
        activation_patching(trained, tokens, source, ["blocks.7.hook_resid_pre"], metric)
