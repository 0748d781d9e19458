"""Direct effects add up to the whole difference, bias by bias."""

from __future__ import annotations

import pytest
import torch

from agents.circuits import logit_difference
from agents.circuits.paths import (
    Network,
    Pair,
    Prompts,
    attribute_change,
    attribute_logits,
    head,
)
from agents.circuits.paths.direct import frozen_norm
from agents.model import shift
from tests.helpers.planted_circuits import names_case, names_network, random_network

POSITION, TOKEN, OTHER = torch.tensor([[8, 4, 0, 5], [1, 2, 3, 4], [0, 0, 0, 0]])


@pytest.fixture(scope="module", params=["LN", "LNPre", None])
def pair(request):
    generator = torch.Generator().manual_seed(8)
    base, new = (Prompts(torch.randint(0, 11, (4, 9), generator=generator)) for _ in range(2))
    return Pair.of(random_network(request.param), base, new)


def test_the_parts_add_up_to_the_difference_of_logits(pair):
    found = attribute_logits(pair.network, pair.base, POSITION, TOKEN, OTHER)
    expected = logit_difference(POSITION, TOKEN, OTHER)(pair.base.logits)
    torch.testing.assert_close(found.total(), expected, atol=1e-4, rtol=1e-4)
    assert len(found.effects) == len(pair.network.parts)


def test_direct_effects_add_up_to_the_change_with_the_norm_held(pair):
    found = attribute_change(pair, POSITION, TOKEN, OTHER)
    row, last = torch.arange(4), pair.network.n_depths - 1
    streams = [run.streams[last][row, POSITION] for run in (pair.base, pair.new)]
    base, new = (frozen_norm(pair.network, stream, streams[0]) for stream in streams)
    unembed = pair.network.model.unembed.W_U
    expected = ((new - base) * (unembed[:, TOKEN] - unembed[:, OTHER]).T).sum(1)
    torch.testing.assert_close(found.total(), expected, atol=1e-4, rtol=1e-4)


def test_an_agent_without_a_final_norm_too(untrained, quizzes):
    tokens = shift(torch.from_numpy(quizzes.tokens[:4]).long())
    network = Network(untrained.to_transformer_lens())
    run = network.read(Prompts(tokens))
    found = attribute_logits(network, run, POSITION, TOKEN, OTHER)
    expected = logit_difference(POSITION, TOKEN, OTHER)(run.logits)
    torch.testing.assert_close(found.total(), expected, atol=1e-4, rtol=1e-4)


def test_the_mover_alone_speaks_to_the_logits():
    case = names_case("S2", count=4)
    pair = Pair.of(names_network(), case.base, case.new)
    a, b = case.base.tokens[:, 1], case.base.tokens[:, 2]
    for part, effect in attribute_change(pair, case.base.columns["END"], a, b).effects.items():
        expected = torch.full((4,), -2.0 if part == head(2, 0) else 0.0)
        torch.testing.assert_close(effect, expected)
