"""Ablation of layers agrees with the whole network under the same intervention."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agents.config import ModelConfig
from agents.hooks import capture
from agents.model import build_model
from sae.activations.harvest import kept_tokens
from sae.effects.components import component_effects
from sae.effects.quizzes import split_quizzes
from tests.sae.effects.test_scaling import whole_pass


@pytest.fixture(scope="module")
def table(agents, small_world, batch, rows):
    ticks = []
    found = component_effects(
        dict(enumerate(agents)), small_world, batch, rows, lambda *tick: ticks.append(tick)
    )
    assert ticks == [(n, 4) for n in range(1, 5)]
    return found


@pytest.mark.parametrize("component", ["attention", "mlp"])
@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("ablation", ["zero", "mean"])
def test_figures_are_those_of_the_whole_network(
    table, agents, small_world, batch, rows, component, layer, ablation
):
    hook = {"attention": "hook_attn_out", "mlp": "hook_mlp_out"}[component]
    site = f"blocks.{layer}.{hook}"
    kept = torch.from_numpy(kept_tokens(small_world, batch))
    value = torch.zeros(32)
    if ablation == "mean":
        selection = split_quizzes(small_world, batch, rows, evaluation=False).index
        tokens = torch.from_numpy(batch.tokens[selection]).long()
        value = capture(agents[1], tokens, [site])[site][kept[selection]].mean(dim=0)
    changes = {site: lambda x: torch.where(kept[..., None], value, x)}
    split = split_quizzes(small_world, batch, rows, evaluation=True)
    loss, exact = (r[split.index] for r in whole_pass(agents[1], small_world, batch, {}))
    worse, less = (r[split.index] for r in whole_pass(agents[1], small_world, batch, changes))
    found = table[(table.agent == 1) & (table.layer == layer) & (table.component == component)]
    found = found[found.ablation == ablation].set_index("task")
    assert list(found.index) == ["all", *small_world.tasks]
    for task, among in split.of_tasks(small_world).items():
        row = found.loc[task]
        assert row.quizzes == among.sum()
        assert row.loss_change == pytest.approx((worse - loss)[among].mean() / 25, abs=1e-4)
        assert row.accuracy == exact[among].mean()
        assert row.accuracy_change == pytest.approx(less[among].mean() - exact[among].mean())


def test_blocks_of_attention_alone_have_one_component(small_world, batch, rows):
    config = ModelConfig(d_model=32, n_layers=1, n_heads=2, d_mlp=0)
    found = component_effects(
        {0: build_model(config, small_world, seed=0)}, small_world, batch, rows
    )
    assert set(found.component) == {"attention"}


def test_layers_matter(table):
    whole = table[(table.task == "all") & (table.ablation == "zero")]
    assert (whole.loss_change > 0).all()
    assert len(table) == 2 * 2 * 2 * 2 * 3
    assert np.isfinite(table.loss_change).all()
