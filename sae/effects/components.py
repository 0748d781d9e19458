"""What the answers lose when the output of one attention or MLP layer is taken away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.circuits import Downstream, Grades, ablate, mean_activations
from agents.model import AgentModel
from sae.activations.harvest import TokenRows, kept_tokens
from sae.effects.quizzes import SplitQuizzes, split_quizzes
from sae.effects.scaling import Tick
from world import QuizBatch, World

COMPONENTS = {"attention": "hook_attn_out", "mlp": "hook_mlp_out"}
"""The components that a block may have, and the hook point of their output."""


def component_effects(
    agents: Mapping[int, AgentModel],
    world: World,
    batch: QuizBatch,
    rows: TokenRows,
    tick: Tick | None = None,
) -> pd.DataFrame:
    """One row per agent, layer, component, ablation and task ("all" first).

    At kept tokens the component's output becomes zero, or its mean over the kept tokens of the
    the selection split; labels and the start are left alone. batch: in answer layouts, with
    its ``rows``. tick: called with (layers done, layers in all).

    Columns: agent, layer (0 is the first), component ("attention", "mlp"), ablation ("zero",
    "mean"), task, quizzes; loss_change (nats per answer token); accuracy (share of quizzes
    answered exactly, untouched) and accuracy_change.
    """
    split = split_quizzes(world, batch, rows, evaluation=True)
    graded = batch[split.index]
    kept = kept_tokens(world, graded)
    selection = batch[split_quizzes(world, batch, rows, evaluation=False).index]
    layers = [(agent, layer) for agent, model in agents.items() for layer in range(model.n_layers)]
    means = {agent: _means(model, world, selection) for agent, model in agents.items()}
    records: list[dict[str, Any]] = []
    for done, (agent, layer) in enumerate(layers):
        site = f"blocks.{layer}.hook_resid_pre"
        network = Downstream(agents[agent], world, graded, site)
        for component, ablation, grades in _ablations(network, layer, means[agent], kept):
            known = {"agent": agent, "layer": layer, "component": component, "ablation": ablation}
            records += [known | of for of in _by_task(world, split, network.grades, grades)]
        if tick:
            tick(done + 1, len(layers))
    return pd.DataFrame(records)


def _means(model: AgentModel, world: World, batch: QuizBatch) -> dict[str, Tensor]:
    """By hook point, float [d]: the mean output of every component over kept tokens."""
    hooks = tuple(COMPONENTS.values())
    sites = [site for site in model.site_names() if site.endswith(hooks)]
    return mean_activations(model, batch, sites, kept_tokens(world, batch))


def _ablations(
    network: Downstream,
    layer: int,
    means: Mapping[str, Tensor],
    where: NDArray[np.bool_],
) -> Iterator[tuple[str, str, Grades]]:
    """(component, ablation, grades [H]) of one block; the network starts before the block."""
    for component, hook in COMPONENTS.items():
        site = f"blocks.{layer}.{hook}"
        if site not in means:
            continue
        for ablation, value in (("zero", torch.zeros_like(means[site])), ("mean", means[site])):
            yield component, ablation, ablate(network, site, value, where)


def _by_task(
    world: World, split: SplitQuizzes, clean: Grades, ablated: Grades
) -> Iterator[dict[str, Any]]:
    """The figures of each task, from grades [H]."""
    for task, among in split.of_tasks(world).items():
        change = (ablated.loss - clean.loss)[among].sum()
        yield {
            "task": task,
            "quizzes": int(among.sum()),
            "loss_change": change / split.answer_tokens[among].sum(),
            "accuracy": clean.exact[among].mean(),
            "accuracy_change": ablated.exact[among].mean() - clean.exact[among].mean(),
        }
