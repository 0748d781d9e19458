"""transformers computes what an agent computes, with no code of this project."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from agents.config import ModelConfig, architectures
from agents.model import build_model, shift
from tests.helpers.unusual_agent import KINDS, SIZES, unusual_agent
from world.core.errors import UserError

HELD_AS = {"gpt": "GPT2LMHeadModel", "culture_gpt": "OPTForCausalLM"}


@pytest.fixture(scope="module")
def tokens():
    return torch.randint(9, (32, 12), generator=torch.Generator().manual_seed(7))


@pytest.fixture(scope="module", params=KINDS)
def agent(request, strings):
    return unusual_agent(request.param, strings)


@pytest.fixture(scope="module")
def model(agent):
    return agent.to_transformers()


@pytest.mark.parametrize("name", architectures.names())
def test_every_architecture_is_held_by_one_of_transformers(strings, name):
    held = type(unusual_agent(name, strings).to_transformers())
    assert held.__module__.startswith("transformers.models.")
    assert held.__name__ == HELD_AS[name]


@torch.no_grad()
def test_logits_are_the_same(agent, model, tokens):
    assert (model(shift(tokens)).logits - agent(tokens)).abs().max() <= 1e-5


@torch.no_grad()
def test_hidden_states_are_the_residual_stream(agent, model, tokens):
    """But for the last: there a norm, or the vector of the biases, is in it."""
    hidden = model(shift(tokens), output_hidden_states=True).hidden_states
    sites = [f"blocks.{layer}.hook_resid_pre" for layer in range(agent.n_layers)]
    for state, expected in zip(hidden, agent.capture(tokens, sites).values(), strict=False):
        torch.testing.assert_close(state, expected, atol=1e-5, rtol=0)
    last = f"blocks.{agent.n_layers - 1}.hook_resid_post"
    end = agent.ln_final(agent.capture(tokens, [last])[last])
    added = (hidden[-1] - end).flatten(0, 1)
    assert added.std(dim=0).max() <= 1e-5
    assert (added.abs().max() > 1e-3) == (agent.unembed.bias is not None)


@torch.no_grad()
@pytest.mark.parametrize("factor", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("name", architectures.names())
def test_logits_of_large_weights_agree_within_a_share_of_the_largest(strings, tokens, name, factor):
    agent = unusual_agent(name, strings)
    for layer in agent.modules():
        if isinstance(layer, nn.Linear):
            layer.weight *= factor
    ours = agent(tokens)
    theirs = agent.to_transformers()(shift(tokens)).logits
    assert (theirs - ours).abs().max() <= 1e-5 * ours.abs().max()


@torch.no_grad()
def test_it_writes_on_as_the_agent_does(agent, model, tokens):
    expected = tokens.clone()
    for t in range(5, 12):
        expected[:, t] = agent(expected)[:, t].argmax(dim=-1)
    written = model.generate(shift(tokens)[:, :6], max_new_tokens=7)
    assert torch.equal(written[:, 1:], expected)


def test_the_agent_and_the_global_generator_are_left_alone(agent, tokens):
    state = torch.get_rng_state()
    before = {name: value.clone() for name, value in agent.state_dict().items()}
    other = agent.train().to_transformers()
    assert agent.training
    agent.eval()
    assert torch.equal(torch.get_rng_state(), state)
    for parameter in other.parameters():
        parameter.data.zero_()
    assert all(torch.equal(before[name], value) for name, value in agent.state_dict().items())


def test_biases_for_which_there_is_no_room_are_refused(strings):
    sizes = {**SIZES, "d_model": 6, "n_heads": 2}  # 9 token values
    narrow = build_model(ModelConfig(architectures["culture_gpt"](), **sizes), strings, seed=0)
    with pytest.raises(UserError, match="the 9 biases of its logits cannot be given by 6"):
        narrow.to_transformers()
    narrow = build_model(ModelConfig(architectures["gpt"](), **sizes), strings, seed=0)
    narrow.to_transformers()  # it has none


@pytest.mark.parametrize(
    ("name", "norm", "says"),
    [
        ("gpt", nn.RMSNorm(48), "its norm is not a LayerNorm"),
        ("culture_gpt", nn.LayerNorm(48, eps=1e-3), "an epsilon of 1e-05, not 0.001"),
    ],
)
def test_a_network_that_cannot_be_expressed_is_refused(strings, name, norm, says):
    agent = unusual_agent(name, strings)
    agent.blocks[0].ln1 = norm
    with pytest.raises(UserError, match=says):
        agent.to_transformers()
