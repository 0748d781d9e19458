"""TransformerLens computes what an agent computes, at every site and under every change."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from agents.config import architectures
from agents.model import shift
from tests.helpers.unusual_agent import KINDS, unusual_agent
from world.core.errors import UserError

READ_ONLY = ("hook_attn_scores", "hook_pattern", "hook_resid_mid", "hook_result")
"""Where a bridge has nothing, or a change does not reach all that follows."""


@pytest.fixture(scope="module", params=KINDS)
def model(request, strings):
    return unusual_agent(request.param, strings)


@pytest.fixture(scope="module")
def hooked(model):
    hooked = model.to_transformer_lens()
    hooked.set_use_attn_result(True)
    return hooked


@pytest.fixture(scope="module")
def bridge(model):
    return model.to_transformer_bridge()


@pytest.fixture(scope="module")
def tokens():
    return torch.randint(9, (32, 12), generator=torch.Generator().manual_seed(7))


def largest_difference(model, other, tokens, site, change):
    """Of logits, between an agent and TransformerLens, both with the same change at a site."""
    with torch.no_grad():
        theirs = other.run_with_hooks(shift(tokens), fwd_hooks=[(site, lambda x, hook: change(x))])
        with model.intervene({site: change}):
            ours = model(tokens)
        assert (ours - model(tokens)).abs().max() > 1e-3
    return (ours - theirs).abs().max()


def unevenly(x):
    """Smaller, by a factor that no norm takes out; -inf stays."""
    return x * torch.linspace(0.2, 1, x.shape[-1])


def test_logits_are_the_same(model, hooked, bridge, tokens):
    with torch.no_grad():
        for other in (hooked, bridge):
            assert (other(shift(tokens)) - model(tokens)).abs().max() <= 1e-5


FORMS = ("to_transformer_lens", "to_transformer_bridge")


def share_of_largest(model, other, tokens):
    """The greatest difference of logits, as a share of the largest logit, and that logit."""
    with torch.no_grad():
        ours, largest = model(tokens), model(tokens).abs().max()
        return float((other(shift(tokens)) - ours).abs().max() / largest), float(largest)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("factor", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("name", architectures.names())
def test_logits_of_large_weights_agree_within_a_share_of_the_largest(
    strings, tokens, name, factor, form
):
    """As those of trained agents, in which a difference may be above 1e-5."""
    model = unusual_agent(name, strings)
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, nn.Linear):
                layer.weight *= factor
    share, largest = share_of_largest(model, getattr(model, form)(), tokens)
    assert share <= 1e-5
    assert largest > factor


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", architectures.names())
def test_logits_agree_to_rounding_in_float64(strings, tokens, name, form):
    model = unusual_agent(name, strings)
    other = getattr(model, form)().double()
    model = model.double()
    for module in other.modules():
        if hasattr(module, "cfg"):
            module.cfg.dtype = torch.float64  # to which TransformerLens casts patterns
    positions = {v.shape: v for k, v in other.named_parameters() if "pos" in k}
    with torch.no_grad():
        # The table is a sum, which is rounded where it is made.
        positions[model.position_table().shape].copy_(model.position_table())
    assert share_of_largest(model, other, tokens)[0] <= 1e-12


def test_a_hooked_transformer_has_the_same_activation_at_every_site(model, hooked, tokens):
    _, cache = hooked.run_with_cache(shift(tokens))
    sites = model.site_names()
    assert "blocks.2.attn.hook_result" in sites
    for site, expected in model.capture(tokens, sites).items():
        torch.testing.assert_close(cache[site], expected, atol=1e-5, rtol=0)


def test_a_bridge_has_the_same_activation_at_every_site_that_it_has(model, bridge, tokens):
    _, cache = bridge.run_with_cache(shift(tokens))
    for site, expected in model.capture(tokens, model.site_names()).items():
        if site.endswith("hook_result"):
            assert site not in cache
        elif not site.endswith("hook_attn_scores"):
            torch.testing.assert_close(cache[site], expected, atol=1e-5, rtol=0)


def test_a_change_at_any_site_has_the_same_effect_on_a_hooked_transformer(model, hooked, tokens):
    for site in model.site_names():
        assert largest_difference(model, hooked, tokens, site, unevenly) <= 1e-5, site


def test_a_change_has_the_same_effect_on_a_bridge(model, bridge, tokens):
    sites = [s for s in model.site_names() if s.rpartition(".")[2] not in READ_ONLY]
    assert len(sites) == 2 + 3 * (9 if model.config.d_mlp else 7)
    for site in sites:
        assert largest_difference(model, bridge, tokens, site, unevenly) <= 1e-5, site


@pytest.mark.parametrize("method", ["to_transformer_lens", "to_transformer_bridge"])
def test_the_agent_and_the_global_generator_are_left_alone(model, tokens, method):
    state = torch.get_rng_state()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    other = getattr(model.train(), method)()
    assert model.training
    model.eval()
    assert torch.equal(torch.get_rng_state(), state)
    for parameter in other.parameters():
        parameter.data.zero_()
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_a_network_that_cannot_be_expressed_is_refused(strings):
    model = unusual_agent("gpt", strings)
    model.blocks[0].ln1 = nn.RMSNorm(model.d_model)
    for method in ("to_transformer_lens", "to_transformer_bridge"):
        with pytest.raises(UserError, match="cannot export gpt: its norm is not a LayerNorm"):
            getattr(model, method)()


@pytest.mark.slow
def test_transformer_lens_is_imported_only_when_needed():
    code = "import sys, agents.model; sys.exit('transformer_lens' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
