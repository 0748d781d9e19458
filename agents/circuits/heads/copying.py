"""Copy scores: does a head, looking at a word, call for this word?

The word's stream after the first layer goes through the values and the output of the head alone
and is unembedded; the share of prompts in which the word is then among the first few (K. Wang et
al., "Interpretability in the wild", 2022, section 3.1). For negative heads the sign is turned.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from agents.circuits.paths.direct import unscaled_norm
from agents.circuits.paths.network import Network, Run

AFTER_FIRST_LAYER = 3
"""The depth that reads what the first layer leaves."""


@dataclass(frozen=True)
class CopyScores:
    """Share of prompts in which the word comes among the first, and among the last."""

    copying: Float[Tensor, "L H"]
    negative: Float[Tensor, "L H"]


@torch.no_grad()
def copy_scores(network: Network, run: Run, at: str, top: int = 5) -> CopyScores:
    """Of every head, for the words at the position named ``at``; chance is top / vocabulary.

    Words that tie with more than ``top`` others count as neither.
    """
    row = torch.arange(len(run.prompts), device=run.prompts.tokens.device)
    column = run.prompts.columns[at]
    stream = run.streams[AFTER_FIRST_LAYER][row, column][:, None]
    word = run.prompts.tokens[row, column]
    copying, negative = [], []
    for layer in range(network.n_layers):
        heads = list(range(network.n_heads))
        v = network.project(layer, "v", stream[:, :, None], heads)
        added = torch.einsum("bthe,hed->bhd", v, network.model.blocks[layer].attn.W_O)
        logits = unscaled_norm(network, added) @ network.model.unembed.W_U
        own = logits.gather(-1, word[:, None, None].expand(-1, len(heads), 1))
        copying.append(((logits >= own).sum(-1) <= top).float().mean(0))
        negative.append(((logits <= own).sum(-1) <= top).float().mean(0))
    return CopyScores(torch.stack(copying), torch.stack(negative))
