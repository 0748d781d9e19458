"""Attention weighted by what is moved: a plain pattern makes much of positions where heads rest."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from agents.circuits.paths.network import Network, Run

RESTING = 1e-3
"""Share of the most that a head moves in a prompt, below which it is said to rest."""


@torch.no_grad()
def value_weighted(network: Network, run: Run, layer: int) -> Float[Tensor, "B H T T"]:
    """The pattern of a layer, queries before keys, times the length of what each key's value adds.

    Divided by its sum over keys, so a query's weights add up to 1; zero at queries where the sum is
    below ``RESTING`` of the head's largest in the prompt: there the head rests.
    """
    length = values(network, run, layer).norm(dim=-1).transpose(1, 2)
    weighted = run.patterns[layer] * length[:, :, None]
    total = weighted.sum(-1, keepdim=True)
    moves = total > RESTING * total.amax(2, keepdim=True)
    return torch.where(moves, weighted / total, 0.0)


def values(network: Network, run: Run, layer: int) -> Float[Tensor, "B T H d"]:
    """What each head would add to the stream by attending to one position alone."""
    weight = network.model.blocks[layer].attn.W_O
    return torch.einsum("bthe,hed->bthd", run.slots[layer, "v"], weight)
