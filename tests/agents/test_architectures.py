"""Every registered architecture keeps the promises of AgentModel; the source's is faithful."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch

from agents.architectures.culture_gpt import CultureGPTArchitecture, sinusoids
from agents.config import ModelConfig, architectures
from agents.model import build_model
from world.core.errors import UserError

SMALL = {"d_model": 32, "n_layers": 2, "n_heads": 2, "d_mlp": 64}


@dataclass
class Sizes:
    """All that the source's network needs to know of a world."""

    vocab_size: int
    seq_len: int


@pytest.fixture(scope="module", params=architectures.names())
def model(request, strings):
    return build_model(ModelConfig(architectures[request.param](), **SMALL), strings, seed=1).eval()


@pytest.fixture(scope="module")
def tokens(quizzes):
    return torch.from_numpy(quizzes.tokens[:8]).long()


def test_keys_of_the_default_network_start_as_its_queries(strings):
    model = build_model(ModelConfig(**SMALL), strings, seed=1)
    weights = [(block.attn.q.weight, block.attn.k.weight) for block in model.blocks]
    assert all(torch.equal(q, k) and q is not k for q, k in weights)
    assert not torch.equal(weights[0][0], weights[1][0])


def test_logits_are_causal_and_rows_independent(model, tokens):
    with torch.no_grad():
        logits = model(tokens)
        assert logits.shape == (8, 12, 9)
        for place in range(12):
            other = tokens.clone()
            other[0, place:] = (other[0, place:] + 1) % 9
            changed = model(other)
            assert torch.equal(changed[0, : place + 1], logits[0, : place + 1])
            assert torch.equal(changed[1:], logits[1:])


def test_every_token_and_position_matters(model, tokens):
    """The last logits read every earlier token, and the order they stand in."""
    with torch.no_grad():
        last = model(tokens)[:, -1]
        for place in range(11):
            other = tokens.clone()
            other[:, place] = (other[:, place] + 1) % 9
            assert not torch.equal(model(other)[:, -1], last)
        swapped = tokens[:, [0, 2, 1, *range(3, 12)]]
        moved = (swapped != tokens).any(1)
        assert (model(swapped)[:, -1] != last).any(1)[moved].all()


def test_every_parameter_gets_a_gradient(model, tokens):
    model(tokens).logsumexp(-1).square().mean().backward()
    parameters = dict(model.named_parameters())
    assert [name for name, p in parameters.items() if p.grad is None or not p.grad.any()] == []
    model.zero_grad(set_to_none=True)


def test_the_seed_decides_and_the_global_generator_is_left_alone(model, strings):
    state = torch.get_rng_state()
    same, other = (build_model(model.config, strings, seed) for seed in (1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    weights = model.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in same.state_dict().items())
    assert not torch.equal(other.unembed.weight, same.unembed.weight)


def test_dropout_acts_while_training_only(strings, tokens, model):
    config = ModelConfig(model.config.architecture, **SMALL, dropout=0.5)
    dropped = build_model(config, strings, seed=1)
    with torch.no_grad():
        assert torch.equal(dropped.eval()(tokens), model(tokens))
        assert not torch.equal(dropped.train()(tokens), dropped(tokens))


def test_attention_drops_weights_while_training(strings, tokens):
    config = ModelConfig(CultureGPTArchitecture(), **SMALL, dropout=0.5)
    attention = build_model(config, strings, seed=1).blocks[0].attn
    x = torch.randn(2, 12, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert not torch.equal(attention.train()(x), attention(x))
        assert torch.equal(attention.eval()(x), attention(x))


def test_a_wrong_length_is_refused(model, tokens):
    with pytest.raises(ValueError, match=r"tokens must be \[B, 12\], got \[8, 5\]"):
        model(tokens[:, :5])


def test_an_option_of_an_architecture_reaches_its_network(strings):
    """No other network, and no other option, has a base of wavelengths."""
    usual, short = (
        build_model(ModelConfig(CultureGPTArchitecture(*base), **SMALL), strings, seed=1)
        for base in ((), (100.0,))
    )
    assert torch.equal(usual.positions, sinusoids(12, 32, 1e5))
    assert torch.equal(short.positions, sinusoids(12, 32, 100.0))
    assert torch.equal(usual.unembed.weight, short.unembed.weight)
    with pytest.raises(UserError, match=r"architecture culture_gpt\.base must be positive"):
        CultureGPTArchitecture(0.0)


@pytest.mark.usefixtures("unchecked")
def test_the_published_size_has_the_published_number_of_parameters():
    config = ModelConfig(CultureGPTArchitecture(), d_model=512, n_layers=12, n_heads=8, d_mlp=2048)
    with torch.device("meta"):
        model = CultureGPTArchitecture()(config, Sizes(vocab_size=15, seq_len=404))
    assert sum(p.numel() for p in model.parameters()) == 37_819_407


def test_sinusoids_are_those_of_the_source():
    table = sinusoids(404, 6, 1e5)
    for t, j in [(0, 0), (0, 1), (1, 0), (7, 1), (100, 2), (403, 3), (403, 5)]:
        angle = t / 1e5 ** ((j - j % 2) / 6)
        expected = math.cos(angle) if j % 2 else math.sin(angle)
        assert float(table[t, j]) == pytest.approx(expected, abs=1e-6)


def test_the_source_has_no_final_norm_and_no_attention_bias(strings):
    model = build_model(ModelConfig(CultureGPTArchitecture(), **SMALL), strings, seed=1)
    biased = {name for name, _ in model.named_parameters() if name.endswith("bias")}
    expected = {
        f"blocks.{i}.{n}.bias" for i in (0, 1) for n in ("ln1", "ln2", "mlp.up", "mlp.down")
    }
    assert biased == expected | {"unembed.bias"}
    assert not list(model.ln_final.parameters())
    assert float(model.embed.weight.detach().std()) == pytest.approx(0.02, rel=0.2)
    assert float(model.blocks[0].attn.q.weight.detach().std()) == pytest.approx(32**-0.5, rel=0.1)
