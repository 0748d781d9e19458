"""Causal attention: by PyTorch's fused kernel on a GPU, by matrix products on a CPU.

On a CPU the fused kernel's backward is several times slower in bf16, so there the softmax is kept
in the working precision between two products. Whole sequences are taken a block of queries at a
time: what comes after a block is never computed, which is nearly half of all.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

BLOCK = 64
"""Queries that are taken together: fewer skip more of the products, but make them smaller."""


def causal_scores(
    q: Float[Tensor, "B H n d_head"], k: Float[Tensor, "B H C d_head"], start: int
) -> Float[Tensor, "B H n C"]:
    """Products of queries and keys, -inf at keys that come after the query."""
    n, total = q.shape[-2], k.shape[-2]
    scores = q @ k.transpose(-1, -2)
    if start + 1 < total:
        hidden = torch.full((n, total), float("-inf"), dtype=scores.dtype, device=q.device)
        scores = scores + hidden.triu(start + 1)
    return scores


def plain_attention(
    q: Float[Tensor, "B H n d_head"],
    k: Float[Tensor, "B H C d_head"],
    v: Float[Tensor, "B H C d_head"],
    start: int,
    dropout: float,
) -> Float[Tensor, "B H n d_head"]:
    """Causal attention by matrix products.

    q: already scaled, at positions start .. start + n. k, v: of positions 0 .. C, C at least
    start + n. dropout: rate at which attention weights are dropped.
    """
    scores = causal_scores(q, k, start)
    with torch.autocast(q.device.type, enabled=False):
        weights = torch.softmax(scores, dim=-1)
        if dropout:
            weights = F.dropout(weights, dropout)
        return weights @ v


def fused_attention(
    q: Float[Tensor, "B H n d_head"],
    k: Float[Tensor, "B H C d_head"],
    v: Float[Tensor, "B H C d_head"],
    start: int,
    dropout: float,
) -> Float[Tensor, "B H n d_head"]:
    """The same by PyTorch's fused kernel."""
    n, total = q.shape[-2], k.shape[-2]
    if n == total:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=1.0, dropout_p=dropout)
    visible = torch.ones(n, total, dtype=torch.bool, device=q.device).tril(start)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=visible, scale=1.0, dropout_p=dropout)


def blockwise_suits(qkv: Tensor) -> bool:
    """Whether ``blockwise_attention`` is for these: PyTorch can compile what is plain."""
    return qkv.device.type == "cpu" and not torch.compiler.is_compiling()


def blockwise_attention(
    qkv: Float[Tensor, "B T 3 H d_head"],
) -> Float[Tensor, "B T d_model"]:
    """Causal attention over whole sequences, in the format of qkv, queries not scaled yet."""
    with torch.autocast(qkv.device.type, enabled=False):
        return cast(Tensor, _Blockwise.apply(qkv))


class _Blockwise(torch.autograd.Function):
    """Its own backward, since that of slices fills each gradient with zeros and adds them up."""

    @staticmethod
    def forward(ctx: Any, qkv: Tensor) -> Tensor:
        B, T, _, H, d_head = qkv.shape
        q, k, v = qkv.permute(2, 0, 3, 1, 4).contiguous().flatten(1, 2)
        q *= d_head**-0.5
        hidden = torch.full((BLOCK, BLOCK), float("-inf"), dtype=qkv.dtype).triu(1)
        z, patterns = torch.empty_like(q), []
        for start in range(0, T, BLOCK):
            stop = min(start + BLOCK, T)
            scores = torch.bmm(q[:, start:stop], k[:, :stop].mT)
            scores[:, :, start:] += hidden[: stop - start, : stop - start]
            patterns.append(torch.softmax(scores, -1))
            torch.bmm(patterns[-1], v[:, :stop], out=z[:, start:stop])
        ctx.save_for_backward(q, k, v, *patterns)
        return z.view(B, H, T, d_head).transpose(1, 2).reshape(B, T, H * d_head)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        q, k, v, *patterns = ctx.saved_tensors
        (B, T, _), d_head = grad.shape, q.shape[-1]
        grad = grad.view(B, T, -1, d_head).transpose(1, 2).reshape(q.shape)
        grads = torch.empty((3, *q.shape), dtype=q.dtype)
        to_q, to_k, to_v = grads
        # From the end: the last block reaches all keys, and the others add to what it leaves.
        for block in reversed(range(len(patterns))):
            start, stop = block * BLOCK, min((block + 1) * BLOCK, T)
            pattern, to_z = patterns[block], grad[:, start:stop]
            to_pattern = torch.bmm(to_z, v[:, :stop].mT)
            to_scores = torch._softmax_backward_data(to_pattern, pattern, -1, pattern.dtype)
            torch.bmm(to_scores, k[:, :stop], out=to_q[:, start:stop])
            beta = 0 if stop == T else 1  # with 0, what is there is not even read
            to_v[:, :stop].baddbmm_(pattern.mT, to_z, beta=beta)
            to_k[:, :stop].baddbmm_(to_scores.mT, q[:, start:stop], beta=beta)
        to_q *= d_head**-0.5
        return grads.unflatten(1, (B, -1)).permute(1, 3, 0, 2, 4)
