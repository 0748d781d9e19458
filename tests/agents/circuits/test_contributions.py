"""Direct contributions add up to the difference of logits, and ablation takes one head's part."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from agents.circuits import ablated_difference, component_names, direct_contributions
from agents.config import ModelConfig, architectures
from agents.model import AgentModel, build_model
from world import Stream
from world.brackets import BracketsWorld

WORLD = BracketsWorld(length=8)
PLACE = WORLD.codec.answer
YES, NO = 3, 4


def agent(architecture: str = "gpt") -> tuple[AgentModel, Tensor]:
    config = ModelConfig(architectures[architecture](), 16, 2, 2, 32)
    tokens = WORLD.draw(Stream(0, "test"), 0, 12, "train").tokens
    return build_model(config, WORLD, 3).eval(), torch.from_numpy(tokens.astype("int64"))


@pytest.mark.parametrize("architecture", list(architectures))
def test_terms_add_up_to_the_difference(architecture: str) -> None:
    model, tokens = agent(architecture)
    with torch.no_grad():
        logits = model(tokens)[:, PLACE]
    terms = direct_contributions(model, tokens, PLACE, YES, NO)
    assert set(component_names(model)) < set(terms)
    total = torch.stack(list(terms.values())).sum(0)
    torch.testing.assert_close(total, logits[:, YES] - logits[:, NO], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("component", ["0.0", "1.1", "0.mlp"])
def test_ablation_changes_one_component_alone(component: str) -> None:
    model, tokens = agent()
    with torch.no_grad():
        logits = model(tokens)[:, PLACE]
    own, other = torch.arange(12), torch.arange(12).roll(1)
    difference = logits[:, YES] - logits[:, NO]
    same = ablated_difference(model, tokens, component, own, PLACE, YES, NO)
    torch.testing.assert_close(same, difference)
    changed = ablated_difference(model, tokens, component, other, PLACE, YES, NO)
    assert not torch.allclose(changed, difference)


def test_a_head_that_writes_nothing_contributes_nothing() -> None:
    model, tokens = agent()
    with torch.no_grad():
        model.blocks[1].attn.out.weight[:, :8] = 0.0
    terms = direct_contributions(model, tokens, PLACE, YES, NO)
    assert terms["1.0"].abs().max() == 0
    assert terms["1.1"].abs().max() > 0
    other = torch.arange(12).roll(1)
    logits = sum(terms.values())
    torch.testing.assert_close(
        ablated_difference(model, tokens, "1.0", other, PLACE, YES, NO),
        logits,
        atol=1e-5,
        rtol=1e-4,
    )
