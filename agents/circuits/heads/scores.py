"""Scores of every head on random words said twice: the kinds of head that circuits are made of.

A block of random tokens is repeated, so nothing but position and repetition tells where to look
(C. Olsson et al., "In-context learning and induction heads", 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from agents.circuits.heads.weighted import values
from agents.circuits.paths.direct import unscaled_norm
from agents.circuits.paths.network import Network, Run
from agents.circuits.paths.prompts import Prompts


@dataclass(frozen=True)
class HeadScores:
    """Of each head, 0 to 1.

    Mean attention: previous, to the position before; duplicate, from a token's second mention to
    its first; induction, to what followed the first. copying: of what the attended tokens add to
    logits above the mean, the share that goes to these tokens themselves; negative: of what they
    take away, the share that is taken from them.
    """

    previous: Float[Tensor, "L H"]
    duplicate: Float[Tensor, "L H"]
    induction: Float[Tensor, "L H"]
    copying: Float[Tensor, "L H"]
    negative: Float[Tensor, "L H"]


def repeated_block(
    tokens: Sequence[int], length: int, count: int, rng: np.random.Generator, start: int | None = 0
) -> Int[Tensor, "count T"]:
    """int64: ``length`` different tokens, then the same again; behind ``start`` if one is given."""
    if length > len(tokens):
        raise ValueError(f"a block of {length} different tokens out of {len(tokens)}")
    choice = np.asarray(tokens, dtype=np.int64)
    blocks = np.stack([rng.choice(choice, length, replace=False) for _ in range(count)])
    before = [] if start is None else [np.full((count, 1), start)]
    return torch.from_numpy(np.concatenate([*before, blocks, blocks], axis=1))


@torch.no_grad()
def head_scores(
    network: Network,
    tokens: Sequence[int],
    length: int,
    rng: np.random.Generator,
    count: int = 20,
    start: int | None = 0,
) -> HeadScores:
    """Scores on ``count`` blocks of ``length`` out of ``tokens``; 2 length + 1 positions."""
    repeated = repeated_block(tokens, length, count, rng, start)
    run = network.read(Prompts(repeated.to(network.model.unembed.W_U.device)))
    second = torch.arange(repeated.shape[1] - length, repeated.shape[1])
    patterns = torch.stack(list(run.patterns))

    def attention(query: Tensor, back: int) -> Tensor:
        return patterns[:, :, :, query, query - back].mean((1, 3))

    shares = [_copying(network, run, layer, second) for layer in range(network.n_layers)]
    copying, negative = (torch.stack(column) for column in zip(*shares, strict=True))
    everywhere = torch.arange(1, repeated.shape[1])
    duplicate, induction = attention(second, length), attention(second, length - 1)
    return HeadScores(attention(everywhere, 1), duplicate, induction, copying, negative)


def _copying(
    network: Network, run: Run, layer: int, queries: Int[Tensor, " n"]
) -> tuple[Float[Tensor, " H"], Float[Tensor, " H"]]:
    """Copying and negative scores of a layer's heads."""
    added = values(network, run, layer)
    tokens = run.prompts.tokens[..., None]
    positive: list[Tensor] = []
    negative: list[Tensor] = []
    for index in range(network.n_heads):
        logits = unscaled_norm(network, added[:, :, index]) @ network.model.unembed.W_U
        logits = logits - logits.mean(-1, keepdim=True)
        looked = run.patterns[layer][:, index][:, queries].mean(1)
        for signed, scores in ((logits, positive), (-logits, negative)):
            raised = signed.clamp(min=0)
            own = (looked * raised.gather(-1, tokens)[..., 0]).sum()
            whole = (looked * raised.sum(-1)).sum()
            scores.append(own / whole if whole > 0 else torch.zeros_like(own))
    return torch.stack(positive), torch.stack(negative)
