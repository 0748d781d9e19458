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

from agents.circuits.paths.direct import frozen_norm
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
    """Of every head, for the words at the position named ``at``; chance is top / vocabulary."""
    row = torch.arange(len(run.prompts), device=run.prompts.tokens.device)
    column = run.prompts.columns[at]
    stream = run.streams[AFTER_FIRST_LAYER][row, column][:, None]
    word = run.prompts.tokens[row, column]
    copying, negative = [], []
    for layer in range(network.n_layers):
        v = network.project(layer, "v", stream[:, :, None], range(network.n_heads))
        added = torch.einsum("bthe,hed->bhd", v, network.model.blocks[layer].attn.W_O)
        logits = frozen_norm(network, added, added) @ network.model.unembed.W_U
        for signed, scores in ((logits, copying), (-logits, negative)):
            scores.append((signed.topk(top, dim=-1).indices == word[:, None, None]).any(-1))
    shares = [torch.stack(found).float().mean(1) for found in (copying, negative)]
    return CopyScores(*shares)
