"""Hook points: what is read is what the network computes, and what is changed is what it uses."""

from __future__ import annotations

import pytest
import torch

from agents.generation import generate
from agents.hooks import capture, intervene, site_names
from agents.scoring import score
from world.core.errors import UserError


@pytest.fixture(scope="module")
def tokens(quizzes):
    return torch.from_numpy(quizzes.tokens[:16]).long()


def forward(model, tokens):
    with torch.no_grad():
        return model(tokens)


def test_sites_are_named_in_the_order_they_are_computed(untrained, tokens):
    block = ["resid_pre", "attn_out", "resid_mid", "mlp.hook_post", "mlp_out", "resid_post"]
    block = [name if "." in name else f"hook_{name}" for name in block]
    expected = ["hook_embed", "hook_pos_embed", *[f"blocks.{i}.{s}" for i in (0, 1) for s in block]]
    assert list(site_names(untrained)) == expected
    assert list(capture(untrained, tokens, site_names(untrained))) == expected


def test_activations_fit_together(untrained, tokens):
    x = capture(untrained, tokens, site_names(untrained))
    assert all(value.shape[:2] == tokens.shape for value in x.values())
    assert x["blocks.0.mlp.hook_post"].shape[2] == untrained.config.d_mlp
    assert torch.equal(x["blocks.0.hook_resid_pre"], x["hook_embed"] + x["hook_pos_embed"])
    block = {name: x[f"blocks.1.hook_{name}"] for name in ("resid_mid", "mlp_out", "resid_post")}
    assert torch.equal(block["resid_post"], block["resid_mid"] + block["mlp_out"])
    with torch.no_grad():
        logits = untrained.unembed(untrained.ln_final(block["resid_post"]))
    assert torch.equal(logits, forward(untrained, tokens))


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
    held = capture(untrained, tokens, site_names(untrained))
    with intervene(untrained, {site: lambda x, y=y: y for site, y in held.items()}):
        assert torch.equal(forward(untrained, tokens), clean)


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
