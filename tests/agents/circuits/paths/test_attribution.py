"""Edge attribution against one run for every edge."""

from __future__ import annotations

import math

import pytest
import torch

from agents.circuits.paths import (
    Pair,
    Prompts,
    agreement,
    all_edges,
    attribute_edges,
    edge_effects,
)
from tests.helpers.planted_circuits import names_case, names_network, random_network


def last_logit(logits):
    return logits[:, -1, 3] - logits[:, -1, 4]


def pair_of(model):
    """Prompts that differ in one token."""
    tokens = torch.randint(0, 11, (6, 9), generator=torch.Generator().manual_seed(9))
    changed = tokens.clone()
    changed[:, 5] = (changed[:, 5] + 1) % 11
    return Pair.of(model, Prompts(tokens), Prompts(changed))


def test_a_linear_network_is_attributed_exactly():
    """Heads that attend evenly, no norm and no MLP."""
    model = random_network(None, attn_only=True)
    for block in model.blocks:
        block.attn.W_Q.zero_(), block.attn.b_Q.zero_()
    pair = pair_of(model)
    estimate = attribute_edges(pair, last_logit, steps=1)
    exact = edge_effects(pair, all_edges(pair.network), last_logit)
    assert estimate.keys() == exact.keys()
    for edge, effect in exact.items():
        torch.testing.assert_close(estimate[edge], effect, atol=1e-3, rtol=1e-3, msg=str(edge))
    assert agreement(estimate, exact).correlation == pytest.approx(1.0, abs=1e-6)


def test_a_network_with_norms_is_attributed_nearly():
    model = random_network("LN")
    for parameter in model.parameters():
        parameter *= 0.6
    pair = pair_of(model)
    exact = edge_effects(pair, all_edges(pair.network), last_logit)
    found = agreement(attribute_edges(pair, last_logit), exact)
    assert found.correlation > 0.95
    assert found.rank_correlation > 0.8
    worse = agreement({edge: -effect for edge, effect in exact.items()}, exact)
    assert worse.correlation == pytest.approx(-1.0)
    assert worse.error == pytest.approx(2 * max(abs(e.mean().item()) for e in exact.values()))


def test_sharp_attention_hides_every_edge_from_gradients():
    """A known failure, and the reason why the search is exact: four edges turn the answer over."""
    case = names_case("order")
    pair = Pair.of(names_network(), case.base, case.new)
    exact = edge_effects(pair, all_edges(pair.network), case.metric)
    estimate = attribute_edges(pair, case.metric)
    found = agreement(estimate, exact)
    assert sum(bool((effect < -1.9).all()) for effect in exact.values()) == 4
    assert max(float(effect.abs().max()) for effect in estimate.values()) < 1e-3
    assert found.error == pytest.approx(2.0, abs=1e-3)
    constant = agreement({edge: torch.zeros(6) for edge in exact}, exact)
    assert math.isnan(constant.correlation)
    assert math.isnan(constant.rank_correlation)
