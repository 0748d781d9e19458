"""Writing tokens one after the other, with the keys and values of earlier ones kept.

A temperature and a set of allowed values at every position; temperature 0 takes the most
probable value. All random numbers are drawn on the CPU from the generator given, row after
row, so the result depends neither on the device nor on how many rows run together.
"""

from __future__ import annotations

import torch
from torch import Tensor

from agents.hooks import evaluating
from agents.model import AgentModel, shift


def generate(
    model: AgentModel,
    tokens: Tensor,
    free: Tensor,
    temperature: float | Tensor = 1.0,
    allowed: Tensor | None = None,
    generator: torch.Generator | None = None,
    batch_size: int = 256,
) -> Tensor:
    """Replace the free positions of int64 tokens [B, T], in order; returns int64 [B, T].

    free: bool [T], or [B, T] where rows are free at different positions. temperature: one for
    all, float [T] or [B, T]; 0 means argmax. allowed: bool [T, V], the values that may stand at
    each free position; None allows all. generator: a CPU generator, needed wherever a temperature
    is above 0. Rows run ``batch_size`` at a time.
    Raises ValueError on wrong shapes, a position where nothing is allowed, or no generator.
    """
    heat = torch.as_tensor(temperature, dtype=torch.float64).expand(len(tokens), model.seq_len)
    _check(model, tokens, free, heat, allowed, generator)
    free = free.cpu().expand(len(tokens), -1)
    places = free.any(0).nonzero()[:, 0]
    bias = torch.zeros(model.seq_len, model.vocab_size)
    if allowed is not None:
        bias = bias.masked_fill(~allowed.cpu(), float("-inf"))
    written, device = [], model.unembed.weight.device
    parts = (tokens.to(device), heat[:, places], free[:, places].to(device))
    for rows, warmth, mine in zip(*(part.split(batch_size) for part in parts), strict=True):
        offsets = (bias[places] + noise(warmth, model.vocab_size, generator)).to(device)
        written.append(_write(model, rows, places.tolist(), mine, offsets))
    return torch.cat(written) if written else tokens.clone()


def noise(heat: Tensor, values: int, generator: torch.Generator | None) -> Tensor:
    """float32 [B, F, V]: Gumbel noise times the temperatures [B, F] of F free positions.

    The argmax of logits + T * Gumbel noise is a sample of softmax(logits / T) (E. J. Gumbel,
    1954, as in C. Maddison et al., "A* sampling", 2014), and at T = 0 the plain argmax.
    """
    if not heat.any():
        return torch.zeros(*heat.shape, values)
    uniform = torch.rand(*heat.shape, values, generator=generator, dtype=torch.float64)
    gumbel = -torch.log(-torch.log(uniform.clamp_min(torch.finfo(torch.float64).tiny)))
    return (gumbel * heat[..., None]).float()


def _write(
    model: AgentModel, tokens: Tensor, places: list[int], free: Tensor, offsets: Tensor
) -> Tensor:
    """Fill ``places``, where they are free [B, F], with the argmax of logits + offsets [B, F, V];
    forced runs in one pass."""
    tokens = tokens.clone()
    inputs = shift(tokens)
    with evaluating(model):
        cache = model.new_cache(len(tokens))
        for i, place in enumerate(places):
            logits = model.extend(inputs[:, cache.length : place + 1], cache)[:, -1]
            written = (logits.float() + offsets[:, i]).argmax(-1)
            chosen = torch.where(free[:, i], written, tokens[:, place])
            tokens[:, place] = chosen
            inputs[:, place + 1 : place + 2] = chosen[:, None]
    return tokens


def _check(
    model: AgentModel,
    tokens: Tensor,
    free: Tensor,
    heat: Tensor,
    allowed: Tensor | None,
    generator: torch.Generator | None,
) -> None:
    T, V = model.seq_len, model.vocab_size
    if tokens.ndim != 2 or tokens.shape[1] != T or tokens.dtype != torch.int64:
        raise ValueError(f"tokens must be int64 [B, {T}], got {tokens.dtype} {list(tokens.shape)}")
    if free.shape not in ((T,), tokens.shape) or free.dtype != torch.bool:
        raise ValueError(
            f"free must be bool [{T}] or [B, {T}], got {free.dtype} {list(free.shape)}"
        )
    if (heat < 0).any():
        raise ValueError("temperature must not be negative")
    if (heat[:, free.cpu().expand(len(tokens), -1).any(0)] > 0).any() and generator is None:
        raise ValueError("a temperature above 0 needs a generator")
    if allowed is not None and (allowed.shape != (T, V) or allowed.dtype != torch.bool):
        raise ValueError(
            f"allowed must be bool [{T}, {V}], got {allowed.dtype} {list(allowed.shape)}"
        )
    somewhere = free.expand(len(tokens), -1).any(0)
    if allowed is not None and not allowed[somewhere].any(-1).all():
        raise ValueError("allowed leaves no value for a free position")
