"""A right claim keeps the behaviour, a wrong one loses it as random prompts do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from agents.circuits import logit_difference
from agents.circuits.paths import (
    EMBED,
    EXACT,
    UNCONDITIONAL,
    Edge,
    Leaf,
    Network,
    Prompts,
    Receiver,
    Sampler,
    Sender,
    edges_from,
    head,
    mlp,
    resampled_logits,
    resampling_ablation,
)
from agents.hooks import evaluating
from agents.model import shift
from tests.helpers.planted_circuits import letters, names_network, names_prompts

SIGNAL = (Edge(Sender(head(1, 0)), Receiver(head(2, 0), "q")),)


@pytest.fixture(scope="module")
def prompts():
    """Half A B B and half B A B. Features: where S is first, which name it is, nothing."""
    a, b = letters(60, 2, seed=4).unbind(1)
    turned = torch.arange(60) % 2 == 1
    first, second = torch.where(turned, b, a), torch.where(turned, a, b)
    features = {"place": turned.long(), "S": b, "nothing": torch.arange(60) // 2 % 2}
    return replace(names_prompts(torch.stack([first, second, b], 1)), features=features)


@pytest.fixture(scope="module")
def metric(prompts):
    turned = prompts.features["place"].bool()
    first, second, s = (prompts.tokens[:, place] for place in (1, 2, 4))
    return logit_difference(prompts.columns["END"], torch.where(turned, second, first), s)


@pytest.mark.parametrize(
    ("given", "low", "high"),
    [(("place",), 0.999, 1.001), (None, 0.999, 1.001), (("nothing",), -0.3, 0.3)],
)
def test_the_inhibition_signal_is_the_place_and_nothing_else(prompts, metric, given, low, high):
    network, rng = Network(names_network()), np.random.default_rng(0)
    leaf = Leaf(SIGNAL, Sampler(given))
    recovery = resampling_ablation(network, prompts, [leaf], metric, rng)
    assert low < recovery.share() < high
    torch.testing.assert_close(recovery.model, torch.ones(60))
    assert recovery.random.mean().abs() < 0.2


def test_donors_agree_in_what_is_given_and_are_others(prompts):
    rng = np.random.default_rng(1)
    own = torch.arange(60)
    for sampler in (UNCONDITIONAL, Sampler(("place",)), Sampler(("place", "nothing"))):
        drawn = torch.stack([sampler.draw(prompts, rng) for _ in range(50)])
        assert (drawn != own).all()
        for name in sampler.given:
            assert (prompts.features[name][drawn] == prompts.features[name]).all()
        if not sampler.given:
            assert len(set(drawn[:, 0].tolist())) > 25
    alone = replace(prompts, features={"row": own})
    assert (EXACT.draw(alone, rng) == own).all()
    again = [UNCONDITIONAL.draw(prompts, np.random.default_rng(2)) for _ in range(2)]
    assert torch.equal(*again)


def test_leaves_are_drawn_independently():
    """Two names, S always the same. Place and words of one donor go together and say IO; those of
    two donors say either name."""
    io, s = torch.full((60,), 4), torch.full((60,), 5)
    turned = torch.arange(60) % 2 == 1
    first, second = torch.where(turned, s, io), torch.where(turned, io, s)
    prompts = names_prompts(torch.stack([first, second, s], 1))
    metric = logit_difference(prompts.columns["END"], io, s)
    network = Network(names_network())
    words = Edge(Sender(EMBED), Receiver(head(2, 0), "v"))
    for leaves, expected in (([(*SIGNAL, words)], 1.0), ([SIGNAL, (words,)], 0.0)):
        sampled = [Leaf(edges, UNCONDITIONAL) for edges in leaves]
        rng = np.random.default_rng(3)
        recovery = resampling_ablation(network, prompts, sampled, metric, rng)
        assert float(recovery.scrubbed.mean()) == pytest.approx(expected, abs=0.15)


@pytest.mark.parametrize("part", [EMBED, head(0, 1), mlp(0), head(1, 0)])
def test_all_that_a_part_tells_is_another_prompt_s(untrained, quizzes, part):
    """As if the agent itself held there what it has on the other prompt."""
    tokens = torch.from_numpy(quizzes.tokens[:6]).long()
    donors = torch.tensor([3, 0, 5, 1, 1, 4])
    network = Network(untrained.to_transformer_lens())
    run = network.read(Prompts(shift(tokens)))
    found = resampled_logits(network, run, {edges_from(network, part): donors})
    site = {"embed": "hook_embed", "head": "attn.hook_z", "mlp": "hook_mlp_out"}[part.kind]
    where = site if part == EMBED else f"blocks.{part.layer}.{site}"

    def change(x):
        changed = x.clone()
        rows = (slice(None), slice(None), part.index) if part.kind == "head" else slice(None)
        changed[rows] = x[donors][rows]
        return changed

    with evaluating(untrained), untrained.intervene({where: change}):
        expected = untrained(tokens)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(found, run.logits, atol=1e-3)
