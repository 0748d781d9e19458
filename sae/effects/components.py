"""What the answers lose when the output of one attention or MLP layer is taken away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.hooks import Change, capture, intervene
from agents.model import AgentModel
from sae.activations.harvest import TokenRows, kept_tokens
from sae.effects.downstream import SIZE, Downstream, Grades
from sae.effects.quizzes import HalfQuizzes, half_quizzes
from sae.effects.scaling import Tick
from world import QuizBatch, World

COMPONENTS = {"attention": "hook_attn_out", "mlp": "hook_mlp_out"}
"""The components of a block, and the hook point of their output."""


def component_effects(
    agents: Mapping[int, AgentModel],
    world: World,
    batch: QuizBatch,
    rows: TokenRows,
    tick: Tick | None = None,
) -> pd.DataFrame:
    """One row per agent, layer, component, ablation and task ("all" first).

    At kept tokens the component's output becomes zero, or its mean over the kept tokens of the
    quizzes for choosing; labels and the start are left alone. batch: in answer layouts, with
    its ``rows``. tick: called with (layers done, layers in all).

    Columns: agent, layer (0 is the first), component ("attention", "mlp"), ablation ("zero",
    "mean"), task, quizzes; loss_change (nats per answer cell); accuracy (share of quizzes
    answered exactly, untouched) and accuracy_change.
    """
    half = half_quizzes(world, batch, rows, reported=True)
    graded = batch[half.index]
    chosen = batch[half_quizzes(world, batch, rows, reported=False).index]
    layers = [(agent, layer) for agent, model in agents.items() for layer in range(model.n_layers)]
    means = {agent: _means(model, world, chosen) for agent, model in agents.items()}
    records: list[dict[str, Any]] = []
    for done, (agent, layer) in enumerate(layers):
        site = f"blocks.{layer}.hook_resid_pre"
        network = Downstream(agents[agent], world, graded, site)
        for component, ablation, grades in _ablations(network, world, graded, layer, means[agent]):
            known = {"agent": agent, "layer": layer, "component": component, "ablation": ablation}
            records += [known | of for of in _by_task(world, half, network.grades, grades)]
        if tick:
            tick(done + 1, len(layers))
    return pd.DataFrame(records)


def _means(model: AgentModel, world: World, batch: QuizBatch) -> dict[str, Tensor]:
    """By hook point, float [d]: the mean output of every component over kept tokens."""
    sites = [f"blocks.{n}.{hook}" for n in range(model.n_layers) for hook in COMPONENTS.values()]
    device = model.unembed.weight.device
    kept = torch.from_numpy(kept_tokens(world, batch)).to(device)
    tokens = torch.from_numpy(batch.tokens.astype(np.int64)).to(device)
    totals = {
        site: torch.zeros(model.d_model, dtype=torch.float64, device=device) for site in sites
    }
    for part, keep in zip(tokens.split(SIZE), kept.split(SIZE), strict=True):
        for site, found in capture(model, part, sites).items():
            totals[site] += found[keep].double().sum(dim=0)
    return {site: (total / kept.sum()).float() for site, total in totals.items()}


def _ablations(
    network: Downstream, world: World, quizzes: QuizBatch, layer: int, means: dict[str, Tensor]
) -> Iterator[tuple[str, str, Grades]]:
    """(component, ablation, grades [H]) of one block; the network starts before the block."""
    for component, hook in COMPONENTS.items():
        site = f"blocks.{layer}.{hook}"
        for ablation, value in (("zero", torch.zeros_like(means[site])), ("mean", means[site])):
            yield component, ablation, _replaced(network, world, quizzes, site, value)


def _replaced(
    network: Downstream, world: World, quizzes: QuizBatch, site: str, value: Tensor
) -> Grades:
    """Grades [H] with ``value`` [d] at the kept tokens of a site; quizzes: those of the network."""
    loss, exact = np.zeros(len(quizzes)), np.zeros(len(quizzes), dtype=np.bool_)
    for layout in np.unique(quizzes.layout):
        quiz = np.flatnonzero(quizzes.layout == layout)
        # Which tokens are kept is the same for all quizzes of a layout.
        change = _replacing(kept_tokens(world, quizzes[quiz[:1]])[0], value)
        with intervene(network.model, {site: change}):
            found = network.grade(
                quiz, network.site_values[torch.from_numpy(quiz).to(value.device)]
            )
        loss[quiz], exact[quiz] = found.loss, found.exact
    return Grades(loss, exact)


def _replacing(kept: NDArray[np.bool_], value: Tensor) -> Change:
    """A change to ``value`` at kept [T] positions, of the last positions if only these are run."""
    mask = torch.from_numpy(kept).to(value.device)[:, None]
    return lambda x: torch.where(mask[-x.shape[1] :], value.to(x.dtype), x)


def _by_task(
    world: World, half: HalfQuizzes, clean: Grades, found: Grades
) -> Iterator[dict[str, Any]]:
    """The figures of each task, from grades [H]."""
    for task, among in half.of_tasks(world).items():
        yield {
            "task": task,
            "quizzes": int(among.sum()),
            "loss_change": (found.loss - clean.loss)[among].sum() / half.cells[among].sum(),
            "accuracy": clean.exact[among].mean(),
            "accuracy_change": found.exact[among].mean() - clean.exact[among].mean(),
        }
