"""Activations for which it is known what a crosscoder must find: nothing unique, nothing shared."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sae.activations.harvest import TokenRows
from sae.crosscoder.harvest import Change
from sae.statistics.permutation import permute_within

CONTROLS = {
    "none": "as they are",
    "copies": "copies of one, rotated (nothing is unique)",
    "permuted": "permuted within cells (most is unique)",
}
"""What a crosscoder may be trained on, with what is known of it: the agents, and two controls."""


def rotated_copies(agent: int, seed: int) -> Change:
    """Every agent becomes the one at place ``agent``, in a random rotation of its own.

    All agents then carry the same features, so none is unique.
    """

    def change(block: Tensor, _: TokenRows) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        turns = random_rotations(block.shape[1], block.shape[2], generator).to(block)
        return torch.einsum("nd,ade->nae", block[:, agent], turns)

    return change


def random_rotations(count: int, width: int, generator: torch.Generator) -> Tensor:
    """Float32 [count, width, width]: orthogonal matrices drawn uniformly (Mezzadri 2007)."""
    q, r = torch.linalg.qr(torch.randn(count, width, width, generator=generator))
    return q * r.diagonal(dim1=-2, dim2=-1).sign()[:, None, :]


def permuted_within_cells(rng: np.random.Generator) -> Change:
    """Rows permuted within cells of equal task, layout, position and token, for each agent anew.

    Agents then see different quizzes: what the cell decides is still shared, and all else is one
    agent's own. The first agent's rows stay where they are; the others' are as random beside them.
    """

    def change(block: Tensor, rows: TokenRows) -> Tensor:
        changed, groups = block.clone(), rows.strata
        for place in range(1, block.shape[1]):
            order = torch.from_numpy(permute_within(groups, rng)).to(block.device)
            changed[:, place] = block[order, place]
        return changed

    return change
