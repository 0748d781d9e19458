"""Resampling ablation: does a part of the network read no more of the prompt than is claimed?

What a set of edges carries is taken from other prompts, drawn among those that agree in the
features that are claimed to matter; all that follows computes again. If the claim is right the
metric stays. L. Chan et al., "Causal scrubbing", 2022.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from agents.circuits.patching import Metric
from agents.circuits.paths.edges import patch_edges
from agents.circuits.paths.network import Network, Run
from agents.circuits.paths.parts import Edge
from agents.circuits.paths.prompts import Prompts


@dataclass(frozen=True)
class Sampler:
    """Draws for every prompt another one that agrees with it in the features ``given``."""

    given: tuple[str, ...] | None = ()
    """Names of features of the prompts; None for all of them."""

    def draw(self, prompts: Prompts, rng: np.random.Generator) -> Int[Tensor, " B"]:
        """int64 rows; a prompt's own where no other agrees with it."""
        names = prompts.features if self.given is None else self.given
        values = [prompts.features[name].cpu().numpy() for name in names]
        keys = np.stack(values, axis=1) if values else np.zeros((len(prompts), 1))
        group = np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1)
        drawn = np.arange(len(prompts))
        for number in range(group.max() + 1):
            members = np.flatnonzero(group == number)
            steps = rng.integers(1, max(len(members), 2), size=len(members))
            drawn[members] = members[(np.arange(len(members)) + steps) % len(members)]
        return torch.from_numpy(drawn).to(prompts.tokens.device)


EXACT = Sampler(None)
UNCONDITIONAL = Sampler(())
"""Agreeing in every feature, and in none. In between: ``Sampler(("place of S",))``."""


@dataclass(frozen=True)
class Leaf:
    """Edges whose values come from one other prompt, and how it is drawn."""

    edges: tuple[Edge, ...]
    sampler: Sampler


@dataclass(frozen=True)
class Recovery:
    """A metric of B prompts: of the network, under the claim, and with nothing claimed."""

    model: Float[Tensor, " B"]
    scrubbed: Float[Tensor, " B"]
    random: Float[Tensor, " B"]

    def share(self) -> float:
        """1 where the claim loses nothing, 0 where it keeps no more than random prompts do."""
        lost = (self.random - self.scrubbed).mean()
        return float(lost / (self.random - self.model).mean())


def resampling_ablation(
    network: Network,
    prompts: Prompts,
    leaves: Sequence[Leaf],
    metric: Metric,
    rng: np.random.Generator,
    draws: int = 10,
) -> Recovery:
    """The metric when every leaf reads another prompt, independently; means over ``draws``.

    random: the same leaves, any other prompt. Edges without named positions need prompts that
    are aligned.
    """
    run = network.read(prompts)

    def drawn(sampled: Sequence[Leaf]) -> Tensor:
        donors = {leaf.edges: leaf.sampler.draw(prompts, rng) for leaf in sampled}
        return metric(resampled_logits(network, run, donors))

    def mean(sampled: Sequence[Leaf]) -> Tensor:
        return torch.stack([drawn(sampled) for _ in range(draws)]).mean(0)

    anything = [Leaf(leaf.edges, UNCONDITIONAL) for leaf in leaves]
    return Recovery(metric(run.logits), mean(leaves), mean(anything))


@torch.no_grad()
def resampled_logits(
    network: Network, run: Run, donors: Mapping[tuple[Edge, ...], Int[Tensor, " B"]]
) -> Float[Tensor, "B T V"]:
    """Logits where edges carry what their senders wrote on other prompts of the run.

    donors: int64 rows of the run, for every prompt one, by group of edges. With ``edges_from`` all
    that a part tells is another prompt's.
    """
    edges: dict[Edge, Run] = {}
    for group, index in donors.items():
        edges |= dict.fromkeys(group, _rows(run, index, group))
    return patch_edges(network, run.prompts, edges)


def _rows(run: Run, index: Int[Tensor, " B"], edges: Sequence[Edge]) -> Run:
    """The prompts ``index`` of a run, with what the senders of the edges wrote."""
    parts = {edge.sender.part for edge in edges}
    outputs = {part: run.outputs[part][index] for part in parts}
    return Run(run.prompts.rows(index), outputs, {}, {}, (), run.logits[index])
