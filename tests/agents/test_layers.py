"""Attention as a GPU computes it, here on a CPU: the same as attention on a CPU.

Every way through ``Attention`` that CUDA takes is taken: whole sequences with their gradients,
writing with a cache, dropout, and a hook point in use within it.
"""

from __future__ import annotations

import pytest
import torch

from agents import layers
from agents.config import ModelConfig, architectures
from agents.hooks import intervene
from agents.model import build_model, shift

SMALL = {"d_model": 32, "n_layers": 2, "n_heads": 2, "d_mlp": 64}


@pytest.fixture(scope="module", params=architectures.names())
def model(request, strings):
    config = ModelConfig(architectures[request.param](), **SMALL, dropout=0.2)
    return build_model(config, strings, seed=1).eval()


@pytest.fixture(scope="module")
def tokens(quizzes):
    return torch.from_numpy(quizzes.tokens[:8]).long()


@pytest.fixture
def as_on_cuda(monkeypatch):
    """Call it, and attention goes on as on a GPU; returns the shapes of queries and keys seen."""

    def switch():
        seen, kernel = [], layers.fused_attention

        def watched(q, k, *rest):
            seen.append((q.shape[-2], k.shape[-2]))
            return kernel(q, k, *rest)

        monkeypatch.setattr(layers, "fused_attention", watched)
        monkeypatch.setattr(layers, "FUSED_ON", ("cuda", "cpu"))
        return seen

    return switch


def logits_and_gradients(model, tokens):
    logits = model(tokens)
    model.zero_grad(set_to_none=True)
    logits.logsumexp(-1).square().mean().backward()
    return logits.detach(), [parameter.grad for parameter in model.parameters()]


def test_logits_and_gradients_are_those_of_a_cpu(model, tokens, as_on_cuda):
    expected, gradients = logits_and_gradients(model, tokens)
    seen = as_on_cuda()
    logits, fused_gradients = logits_and_gradients(model, tokens)
    assert seen == [(12, 12)] * 2
    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(fused_gradients, gradients)


@pytest.mark.parametrize("cuts", [[1] * 12, [5, 1, 6], [12]])
def test_writing_with_a_cache_is_reading_at_once(model, tokens, cuts, as_on_cuda):
    """The cache is longer than what it holds, and what lies beyond is not looked at."""
    with torch.no_grad():
        expected = model(tokens)
        seen = as_on_cuda()
        cache = model.new_cache(len(tokens))
        pieces = [model.extend(part, cache) for part in shift(tokens).split(cuts, dim=1)]
    assert [queries for queries, _ in seen[::2]] == cuts
    assert {keys for _, keys in seen} == {layers.CHUNK}
    torch.testing.assert_close(torch.cat(pieces, dim=1), expected)


@pytest.mark.parametrize("site", ["hook_q", "hook_attn_scores", "hook_pattern", "hook_z"])
def test_a_hook_point_in_use_changes_nothing(model, tokens, site, as_on_cuda):
    """Block 0 is then computed step by step, block 1 still by the fused kernel."""
    seen = as_on_cuda()
    with torch.no_grad():
        expected = model(tokens)
        seen.clear()
        with intervene(model, {f"blocks.0.attn.{site}": lambda x: x}):
            torch.testing.assert_close(model(tokens), expected)
    assert len(seen) == 1


def test_dropout_acts_while_training_only(model, tokens, as_on_cuda):
    attention, x = (
        model.blocks[0].attn,
        torch.randn(2, 12, 32, generator=torch.Generator().manual_seed(0)),
    )
    seen = as_on_cuda()
    with torch.no_grad():
        assert torch.equal(attention(x), attention(x))
        assert not torch.equal(attention.train()(x), attention(x))
    attention.eval()
    assert len(seen) == 4
