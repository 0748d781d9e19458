"""Hook points: what is read is what the network computes, and what is changed is what it uses."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch.nn import functional as F

from agents.config import ModelConfig
from agents.generation import generate
from agents.hooks import capture, intervene, site_names
from agents.layers import Attention
from agents.model import build_model
from agents.scoring import score
from world.core.errors import UserError

ATTENTION = ("q", "k", "v", "attn_scores", "pattern", "z", "result")
"""Hook points within attention, in the order in which they are computed."""


@pytest.fixture(scope="module")
def tokens(quizzes):
    return torch.from_numpy(quizzes.tokens[:16]).long()


def forward(model, tokens):
    with torch.no_grad():
        return model(tokens)


def exact_sites(model):
    """All but the heads' results: their sum is rounded otherwise than the output of all heads."""
    return [site for site in site_names(model) if not site.endswith("hook_result")]


def test_sites_are_named_in_the_order_they_are_computed(untrained, tokens):
    inside = [f"attn.hook_{name}" for name in ATTENTION]
    after = ["hook_attn_out", "hook_resid_mid", "mlp.hook_post", "hook_mlp_out", "hook_resid_post"]
    block = ["hook_resid_pre", *inside, *after]
    expected = ["hook_embed", "hook_pos_embed", *[f"blocks.{i}.{s}" for i in (0, 1) for s in block]]
    assert list(site_names(untrained)) == expected
    assert list(capture(untrained, tokens, site_names(untrained))) == expected


def test_activations_fit_together(untrained, tokens):
    x = capture(untrained, tokens, exact_sites(untrained))
    assert all(x[site].shape[:2] == tokens.shape for site in x if "attn." not in site)
    assert x["blocks.0.mlp.hook_post"].shape[2] == untrained.config.d_mlp
    assert torch.equal(x["blocks.0.hook_resid_pre"], x["hook_embed"] + x["hook_pos_embed"])
    block = {name: x[f"blocks.1.hook_{name}"] for name in ("resid_mid", "mlp_out", "resid_post")}
    assert torch.equal(block["resid_post"], block["resid_mid"] + block["mlp_out"])
    with torch.no_grad():
        logits = untrained.unembed(untrained.ln_final(block["resid_post"]))
    assert torch.equal(logits, forward(untrained, tokens))


def test_attention_is_what_its_hook_points_say(untrained, tokens):
    x = capture(untrained, tokens, site_names(untrained))
    q, k, v, scores, pattern, z, result = (x[f"blocks.1.attn.hook_{name}"] for name in ATTENTION)
    block = untrained.blocks[1]
    heads, d_head, T = 2, 16, 12
    read = F.layer_norm(x["blocks.1.hook_resid_pre"], (32,), block.ln1.weight, block.ln1.bias)
    for value, linear in ((q, block.attn.q), (k, block.attn.k), (v, block.attn.v)):
        expected = (read @ linear.weight.T).view(16, T, heads, d_head)
        torch.testing.assert_close(value, expected, atol=1e-5, rtol=0)
    for b, h, i in ((0, 0, 0), (3, 1, 5), (15, 1, 11)):
        expected = [float(q[b, i, h] @ k[b, j, h]) / math.sqrt(d_head) for j in range(i + 1)]
        assert scores[b, h, i, : i + 1].tolist() == pytest.approx(expected, abs=1e-5)
        assert torch.isneginf(scores[b, h, i, i + 1 :]).all()
        weights = [math.exp(s) / sum(map(math.exp, expected)) for s in expected]
        assert pattern[b, h, i].tolist() == pytest.approx([*weights, *[0] * (T - 1 - i)], abs=1e-5)
        mixed = sum(w * v[b, j, h] for j, w in enumerate(weights))
        torch.testing.assert_close(z[b, i, h], mixed, atol=1e-5, rtol=0)
        written = block.attn.out.weight[:, h * d_head : (h + 1) * d_head] @ mixed
        torch.testing.assert_close(result[b, i, h], written, atol=1e-5, rtol=0)
    torch.testing.assert_close(result.sum(2), x["blocks.1.hook_attn_out"], atol=1e-5, rtol=0)


def test_attention_is_computed_step_by_step_only_where_a_hook_point_is_in_use(
    untrained, tokens, monkeypatch
):
    passes = []
    plain = Attention._step_by_step
    monkeypatch.setattr(
        Attention, "_step_by_step", lambda self, *x: passes.append(self) or plain(self, *x)
    )
    capture(untrained, tokens, [s for s in site_names(untrained) if "attn." not in s])
    assert passes == []
    clean = forward(untrained, tokens)
    with intervene(untrained, {"blocks.1.attn.hook_z": lambda x: x}):
        assert torch.equal(forward(untrained, tokens), clean)
    assert passes == [untrained.blocks[1].attn]


@pytest.mark.parametrize("name", ATTENTION)
def test_the_same_change_holds_with_a_cache(trained, tokens, name):
    """Generating with a cache writes what the whole pass says, under a change in attention."""
    site = f"blocks.1.attn.hook_{name}"
    free = torch.arange(12) > 6
    shapes = set()

    def change(x):
        shapes.add(tuple(x.shape[2:] if "attn_scores" in site or "pattern" in site else x.shape))
        return x * 0.5 if name in ("attn_scores", "pattern") else x.flip(-1)

    clean = generate(trained, tokens, free, 0.0)
    with intervene(trained, {site: change}):
        written = generate(trained, tokens, free, 0.0)
        chosen = forward(trained, written).argmax(-1)
    assert torch.equal(written[:, free], chosen[:, free])
    assert not torch.equal(written, clean)
    if name == "pattern":
        assert shapes == {(8, 8), *((1, t) for t in range(9, 13)), (12, 12)}


def test_a_query_without_any_key_attends_to_nothing(untrained, tokens):
    changes = {"blocks.0.attn.hook_attn_scores": lambda x: torch.full_like(x, -torch.inf)}
    with intervene(untrained, changes):
        x = capture(untrained, tokens, ["blocks.0.attn.hook_pattern", "blocks.0.hook_attn_out"])
    assert all(not value.any() for value in x.values())


def test_hook_points_in_attention_work_in_bf16(untrained, tokens):
    sites = [f"blocks.0.attn.hook_{name}" for name in ATTENTION]
    exact = capture(untrained, tokens, sites)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        clean = forward(untrained, tokens)
        x = capture(untrained, tokens, sites)
        with intervene(untrained, {site: lambda x: x.float() for site in sites}):
            changed = forward(untrained, tokens)
    for site, value in x.items():
        finite = torch.isfinite(exact[site])
        error = (value.float() - exact[site])[finite].abs().max()
        assert error < 0.03 * exact[site][finite].abs().max()
    torch.testing.assert_close(changed, clean, atol=0.02, rtol=0.02)


def test_training_is_the_same_to_the_bit_while_hook_points_in_attention_are_read(strings, tokens):
    """Without dropout, on a CPU: both ways take the same products."""
    gradients = []
    for sites in ((), ("attn.hook_q", "attn.hook_pattern", "attn.hook_z")):
        model = build_model(
            ModelConfig(d_model=32, n_layers=2, n_heads=2, d_mlp=64), strings, seed=3
        )
        with intervene(model, {f"blocks.0.{site}": lambda x: x for site in sites}):
            F.cross_entropy(model(tokens).flatten(0, 1), tokens.flatten()).backward()
        gradients.append([p.grad for p in model.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


@pytest.mark.usefixtures("unchecked")
def test_interventions_reach_a_model_that_is_compiled_already(untrained, tokens):
    compiled = torch.compile(untrained, backend="eager", fullgraph=True)
    clean = forward(compiled, tokens)
    assert torch.equal(clean, forward(untrained, tokens))
    for site in ("blocks.0.hook_mlp_out", "blocks.1.attn.hook_z"):
        with intervene(untrained, {site: torch.zeros_like}):
            assert torch.equal(forward(compiled, tokens), forward(untrained, tokens))
            assert not torch.equal(forward(compiled, tokens), clean)
        assert torch.equal(forward(compiled, tokens), clean)
    assert set(capture(untrained, tokens, site_names(untrained))) == set(site_names(untrained))


def test_a_copy_has_hook_points_of_its_own(untrained, tokens):
    twin = copy.deepcopy(untrained)
    with twin.intervene({"blocks.0.attn.hook_z": torch.zeros_like}):
        assert torch.equal(forward(untrained, tokens), forward(copy.deepcopy(untrained), tokens))
        assert not torch.equal(forward(twin, tokens), forward(untrained, tokens))


def test_an_agent_has_the_functions_as_methods(untrained, tokens):
    assert untrained.site_names() == site_names(untrained)
    site = "blocks.1.attn.hook_pattern"
    with untrained.intervene({"hook_embed": torch.zeros_like}):
        inside = untrained.capture(tokens, [site])[site]
        assert torch.equal(inside, capture(untrained, tokens, [site])[site])
    assert not torch.equal(inside, capture(untrained, tokens, [site])[site])


def test_a_position_has_not_read_its_own_token(untrained, tokens):
    other = tokens.clone()
    other[:, 6] = (other[:, 6] + 1) % 6
    site = "blocks.1.hook_resid_post"
    before, after = (capture(untrained, t, [site])[site] for t in (tokens, other))
    assert torch.equal(before[:, :7], after[:, :7])
    assert not torch.equal(before[:, 7], after[:, 7])


def test_the_pass_stops_after_the_last_site(untrained, tokens):
    reached = []

    def notice(x):
        reached.append(True)
        return x

    with intervene(untrained, {"blocks.1.hook_resid_pre": notice}):
        capture(untrained, tokens, ["blocks.0.hook_mlp_out", "hook_embed"])
        assert not reached
        capture(untrained, tokens, ["blocks.1.hook_attn_out"])
    assert reached


def test_an_intervention_changes_what_follows_and_is_gone_afterwards(untrained, tokens):
    clean = forward(untrained, tokens)
    site = "blocks.0.hook_mlp_out"
    later = "blocks.0.hook_resid_post"
    with intervene(untrained, {site: torch.zeros_like}):
        ablated = forward(untrained, tokens)
        x = capture(untrained, tokens, [site, later, "blocks.0.hook_resid_mid"])
    assert not x[site].any()
    assert torch.equal(x[later], x["blocks.0.hook_resid_mid"])
    assert not torch.allclose(ablated, clean)
    assert torch.equal(forward(untrained, tokens), clean)


def test_replacing_an_activation_by_itself_changes_nothing(untrained, tokens):
    clean = forward(untrained, tokens)
    held = capture(untrained, tokens, exact_sites(untrained))
    with intervene(untrained, {site: lambda x, y=y: y for site, y in held.items()}):
        assert torch.equal(forward(untrained, tokens), clean)
    results = [site for site in site_names(untrained) if site not in held]
    with intervene(untrained, {site: lambda x: x for site in results}):
        torch.testing.assert_close(forward(untrained, tokens), clean, atol=1e-5, rtol=0)


def test_interventions_hold_while_generating_and_scoring(trained, strings, quizzes, tokens):
    free = torch.arange(12) > 6
    clean = generate(trained, tokens, free, 0.0)
    with intervene(trained, {"blocks.1.hook_attn_out": torch.zeros_like}):
        ablated = generate(trained, tokens, free, 0.0)
        accuracy = score(trained, strings, quizzes).correct.mean()
    assert not torch.equal(ablated, clean)
    assert accuracy < score(trained, strings, quizzes).correct.mean()


def test_gradients_flow_through_interventions(untrained, tokens):
    patch = torch.zeros(untrained.d_model, requires_grad=True)
    with intervene(untrained, {"blocks.0.hook_resid_post": lambda x: x + patch}):
        untrained(tokens).square().sum().backward()
    untrained.zero_grad()
    assert patch.grad is not None
    assert patch.grad.any()


def test_an_intervention_is_gone_after_an_error(untrained, tokens):
    clean = forward(untrained, tokens)
    with (
        pytest.raises(ValueError, match=r"hook_embed must return \[16, 12, 32\], got \[16, 12\]"),
        intervene(untrained, {"hook_embed": lambda x: x[..., 0]}),
    ):
        forward(untrained, tokens)
    assert torch.equal(forward(untrained, tokens), clean)


@pytest.mark.parametrize("site", ["blocks.9.hook_resid_post", "ln_final", ""])
def test_an_unknown_site_is_refused_with_the_known_ones(untrained, tokens, site):
    with pytest.raises(UserError, match=r"unknown site .*blocks\.1\.hook_resid_post"):
        capture(untrained, tokens, [site])
