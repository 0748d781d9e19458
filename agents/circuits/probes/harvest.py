"""Activations at chosen tokens, some sites at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor

from agents.hooks import capture, site_names
from agents.model import AgentModel
from world import QuizBatch
from world.core.errors import UserError

CHUNK = 128
"""Sequences in one pass."""
NO_VECTOR = ("hook_attn_scores", "hook_pattern")
"""Hook points without a vector for every position."""


def residual_sites(model: AgentModel) -> tuple[str, ...]:
    """The residual stream before the first block and after every attention and every MLP."""
    names = site_names(model)
    inside = [s for s in names if s.endswith(("hook_resid_mid", "hook_resid_post"))]
    return ("blocks.0.hook_resid_pre", *inside)


def token_tensor(model: AgentModel, batch: QuizBatch) -> Int[Tensor, "n T"]:
    """int64 tokens where the agent is."""
    return torch.from_numpy(batch.tokens.astype(np.int64)).to(model.unembed.weight.device)


def vectors(
    model: AgentModel,
    batch: QuizBatch,
    sites: Sequence[str],
    where: Bool[NDArray[np.bool_], "n T"],
    memory: int,
) -> Iterator[tuple[str, Float[NDArray[np.float32], "N d"]]]:
    """By site, activations of the N tokens ``where``, in the order of ``np.nonzero``.

    Values of several heads stand one after another. In a pass are as many sites as have room in
    ``memory`` bytes, one at least. Raises UserError on a site that is unknown or has no vectors.
    """
    for site in sites:
        if site.endswith(NO_VECTOR):
            raise UserError(f"{site!r} has no vector for every position, which a probe needs")
    tokens, kept = token_tensor(model, batch), torch.from_numpy(where)
    widths = _widths(model, tokens[:1], sites)
    for part in _packed(widths, 4 * int(where.sum()), memory):
        found: dict[str, list[NDArray[np.float32]]] = {site: [] for site in part}
        for rows, keep in zip(tokens.split(CHUNK), kept.split(CHUNK), strict=True):
            for site, x in capture(model, rows, part).items():
                found[site].append(x[keep.to(x.device)].flatten(1).float().cpu().numpy())
        for site in part:
            # Popped, so that a site's chunks are gone when the next one is asked for.
            yield site, np.concatenate(found.pop(site))


def _widths(model: AgentModel, tokens: Tensor, sites: Sequence[str]) -> dict[str, int]:
    """Numbers in a token's vector, by site."""
    shapes = {site: x.shape for site, x in capture(model, tokens, sites).items()}
    return {site: int(np.prod(shapes[site][2:])) for site in sites}


def _packed(widths: dict[str, int], bytes_each: int, memory: int) -> Iterator[list[str]]:
    """The sites, in order, in parts of at most ``memory`` bytes."""
    part: list[str] = []
    room = memory
    for site, width in widths.items():
        size = width * bytes_each
        if part and size > room:
            yield part
            part, room = [], memory
        part.append(site)
        room -= size
    yield part
