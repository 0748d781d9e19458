"""Sparse codes: the features of an SAE on every token of the comparison, as a CSR matrix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from sae_lens import SAE
from scipy import sparse
from torch import Tensor

from agents.model import AgentModel
from sae.activations.harvest import activation_chunks
from sae.activations.kernels import compress
from world import QuizBatch, World

PIECE = 1 << 25
"""Numbers of a dense code at a time: 128 MiB in float32, of which sae_lens holds about four."""
CACHED = 1 << 19
"""The same on a processor, whose cache they fit into: a third of the time of larger ones."""


def pieces(activations: Tensor, d_sae: int) -> Sequence[Tensor]:
    """Activations [n, d] cut into rows whose codes of width ``d_sae`` fit into memory."""
    most = CACHED if activations.device.type == "cpu" else PIECE
    return torch.split(activations, max(1, most // d_sae))


@torch.no_grad()
def encode(sae: SAE[Any], activations: Tensor) -> sparse.csr_array:
    """Codes float32 [n, d_sae] of activations [n, d]. Each row depends on itself alone."""
    parts = [
        compress(sae.encode(part).float().cpu().numpy())
        for part in pieces(activations, sae.cfg.d_sae)
    ]
    return sparse.vstack(parts, format="csr")


def agent_codes(
    model: AgentModel,
    world: World,
    batch: QuizBatch,
    site: str,
    saes: Sequence[SAE[Any]],
    tick: Callable[[int], None] | None = None,
) -> list[sparse.csr_array]:
    """Codes [N, d_sae] of an agent's kept tokens in each of its SAEs, in one pass of the agent.

    tick: called with the number of rows done after each chunk.
    """
    return encode_chunks(activation_chunks(model, world, batch, site), saes, tick)


def encode_chunks(
    chunks: Iterable[Tensor],
    saes: Sequence[SAE[Any]],
    tick: Callable[[int], None] | None = None,
) -> list[sparse.csr_array]:
    """Codes [N, d_sae] in each of some SAEs of activations that come [n, d] at a time."""
    parts: list[list[sparse.csr_array]] = [[] for _ in saes]
    done = 0
    for chunk in chunks:
        for part, sae in zip(parts, saes, strict=True):
            part.append(encode(sae, chunk))
        done += len(chunk)
        if tick:
            tick(done)
    return [sparse.vstack(part, format="csr") for part in parts]
