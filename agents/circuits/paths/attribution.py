"""Edge attribution by gradients: all edges at the cost of a few runs, approximately.

EAP-IG, M. Hanna et al., "Have faith in faithfulness", 2024: the change of the sender times the
gradient of the metric at the receiver's input, averaged over runs whose embeddings go from the
base prompts to the new ones. Steps stand at the midpoints of equal stretches. Where attention is
sharp the gradient may be zero on both sides of a step that matters; ``agreement`` says how far to
trust it, against ``edge_effects``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.stats import pearsonr, spearmanr
from torch import Tensor

from agents.circuits.patching import Metric
from agents.circuits.paths.edges import all_edges
from agents.circuits.paths.network import Outputs
from agents.circuits.paths.parts import Edge, Slot
from agents.circuits.paths.patching import Pair

Effects = Mapping[Edge, Float[Tensor, " B"]]


def attribute_edges(pair: Pair, metric: Metric, steps: int = 5) -> dict[Edge, Float[Tensor, " B"]]:
    """An estimate of ``edge_effects`` for every edge of the network; for aligned prompts."""
    gradients: dict[tuple[int, Slot], Tensor] = {}
    for step in range(steps):
        for place, gradient in _gradients(pair, metric, (step + 0.5) / steps).items():
            gradients[place] = gradients.get(place, 0) + gradient / steps
    effects = {}
    for edge in all_edges(pair.network):
        part = edge.receiver.part
        gradient = gradients[pair.network.place(edge.receiver)]
        if part is not None and part.kind == "head":
            gradient = gradient[:, :, part.index]
        effects[edge] = (pair.change(edge.sender) * gradient).sum((1, 2))
    return effects


def _gradients(pair: Pair, metric: Metric, share: float) -> dict[tuple[int, Slot], Tensor]:
    """Of the metric by what each layer reads in each slot, ``share`` of the way to the new run."""
    network, prompts = pair.network, pair.base.prompts
    base, new = (network.embeddings(run.prompts) for run in (pair.base, pair.new))
    between = {part: torch.lerp(base[part], new[part], share).detach() for part in base}
    added: dict[tuple[int, Slot], Tensor] = {}

    def add(layer: int, slot: Slot, outputs: Outputs) -> Tensor:
        stream = next(iter(outputs.values()))
        shape = list(stream.shape)
        if slot in ("q", "k", "v"):
            shape.insert(2, network.n_heads)
        added[layer, slot] = stream.new_zeros(shape).requires_grad_()
        return added[layer, slot]

    with torch.enable_grad():
        total = metric(network.run(prompts, add, between).logits).sum()
        gradients = torch.autograd.grad(total, list(added.values()))
    return dict(zip(added, gradients, strict=True))


@dataclass(frozen=True)
class Agreement:
    """Of estimated and exact mean effects over edges. error: the largest difference."""

    correlation: float
    rank_correlation: float
    error: float


def agreement(estimate: Effects, exact: Effects) -> Agreement:
    """Over the edges of ``exact``; correlations are NaN where all edges have the same effect.

    Raises KeyError if an edge was not estimated.
    """
    a = torch.stack([estimate[edge].mean() for edge in exact]).double().cpu().numpy()
    b = torch.stack([exact[edge].mean() for edge in exact]).double().cpu().numpy()
    error = float(abs(a - b).max())
    if not (np.ptp(a) and np.ptp(b)):
        return Agreement(math.nan, math.nan, error)
    return Agreement(float(pearsonr(a, b).statistic), float(spearmanr(a, b).statistic), error)
