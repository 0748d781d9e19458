"""Profiles: what a part's output does to the answer, by way and by what is changed in the prompt.

An effect is exact, by edge patching (``agents.circuits.paths.edges``): readers of one kind are
given what the part writes on the changed prompt, all others what it writes now, and all that
follows computes again. So the ways of two networks are the same, whichever heads read there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from agents.circuits.patching import Metric
from agents.circuits.paths.edges import edge_effect, edges_from
from agents.circuits.paths.network import Network
from agents.circuits.paths.parts import Edge, Part, PartKind, Sender, Slot
from agents.circuits.paths.patching import Pair
from agents.circuits.paths.prompts import Prompts

WAYS: tuple[Slot, ...] = ("logits", "q", "k", "v", "mlp")
"""Who reads what a part writes: the logits; all later heads in their queries, keys or values; all
later MLPs."""
Tick = Callable[[int, int], None]
"""Called with how much of the work is done, and how much there is."""


@dataclass(frozen=True)
class Profiles:
    """Effects of P parts on a metric, on B prompts, under C changes, by W ways.

    parts: heads and MLPs. changes: names. effects: float32 [P, C, W, B], the metric less that of
    the prompts as they are; 0 where nobody reads. metric: float32 [B], of the prompts as they are.
    """

    parts: tuple[Part, ...]
    changes: tuple[str, ...]
    effects: Float[NDArray[np.float32], "P C W B"]
    metric: Float[NDArray[np.float32], " B"]

    def of(self, kind: PartKind, changes: Sequence[str]) -> Profiles:
        """Those of some parts, and of some changes alone."""
        rows = [n for n, part in enumerate(self.parts) if part.kind == kind]
        columns = [self.changes.index(name) for name in changes]
        chosen = self.effects[np.ix_(rows, columns)]
        return replace(
            self, parts=tuple(self.parts[n] for n in rows), changes=tuple(changes), effects=chosen
        )

    def shares(self) -> Float[NDArray[np.float64], "P C W"]:
        """Mean effects, as shares of the mean metric."""
        return self.weighted(np.full((1, len(self.metric)), 1 / len(self.metric)))[0]

    def weighted(self, weights: Float[NDArray[np.float64], "N B"]) -> NDArray[np.float64]:
        """float64 [N, P, C, W]: the same, of means that weigh prompts in N ways.

        Where the mean metric is 0, all are 0: there is nothing that they could be shares of.
        """
        means = np.moveaxis(self.effects.astype(np.float64) @ weights.T, -1, 0)
        whole = (weights @ self.metric.astype(np.float64))[:, None, None, None]
        return np.divide(means, whole, out=np.zeros_like(means), where=whole != 0)


def measure_profiles(
    network: Network,
    base: Prompts,
    changed: Mapping[str, Prompts],
    metric: Metric,
    tick: Tick | None = None,
) -> Profiles:
    """Of all heads and MLPs, under each of the changes, at the columns that the prompts have.

    Columns need not stand in the same places. Raises UserError for a network that is no sum of
    its parts.
    """
    run = network.read(base)
    parts = tuple(part for part in network.parts if part.kind in ("head", "mlp"))
    ways = [[_edges(network, part, way, base) for way in WAYS] for part in parts]
    effects = np.zeros((len(parts), len(changed), len(WAYS), len(base)), np.float32)
    for number, prompts in enumerate(changed.values()):
        pair = Pair(network, run, network.read(prompts))
        for row, of_part in enumerate(ways):
            for column, edges in enumerate(of_part):
                if edges:
                    effect = edge_effect(pair, edges, metric)
                    effects[row, number, column] = effect.cpu().numpy()
        if tick:
            tick(number + 1, len(changed))
    return Profiles(parts, tuple(changed), effects, metric(run.logits).cpu().numpy())


def _edges(network: Network, part: Part, way: Slot, prompts: Prompts) -> list[Edge]:
    """From a part to all later readers of a kind, of what it writes at the columns."""
    sender = Sender(part, tuple(prompts.columns) or None)
    return [
        Edge(sender, edge.receiver)
        for edge in edges_from(network, part)
        if edge.receiver.slot == way
    ]
