"""The layers of every architecture, with hook points named as TransformerLens names them.

Attention is written in two ways: PyTorch's fused kernel for a GPU, and plain matrix products
with a softmax kept in the working precision for a CPU, where the fused bf16 kernel's backward
is several times slower.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CHUNK = 32
"""Positions by which a cache grows."""


@dataclass
class Cache:
    """Keys and values of the positions seen so far.

    keys, values: for each layer [B, H, C, d_head], zero beyond the positions seen; C grows by
    whole chunks. A product with a slice of a longer tensor would copy it first, at every step:
    on a CPU that took half of the time of writing. length: positions seen by all layers.
    """

    keys: list[Tensor]
    values: list[Tensor]
    length: int = 0

    def extend(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Put in k and v [B, H, n, d_head] of the next n positions; returns all of the layer's."""
        start, stop = self.length, self.length + k.shape[2]
        more = -(-stop // CHUNK) * CHUNK - self.keys[layer].shape[2]
        for kept, fresh in ((self.keys, k), (self.values, v)):
            if more > 0:
                kept[layer] = F.pad(kept[layer], (0, 0, 0, more))
            kept[layer][:, :, start:stop] = fresh
        return self.keys[layer], self.values[layer]


def plain_attention(q: Tensor, k: Tensor, v: Tensor, start: int, dropout: float) -> Tensor:
    """Causal attention by matrix products.

    q: [B, H, n, d_head], already scaled, at positions start .. start + n. k, v: [B, H, C, d_head]
    of positions 0 .. C, C at least start + n. dropout: rate at which attention weights are dropped.
    """
    n, total = q.shape[-2], k.shape[-2]
    scores = q @ k.transpose(-1, -2)
    if start + 1 < total:
        hidden = torch.full((n, total), float("-inf"), dtype=scores.dtype, device=q.device)
        scores = scores + hidden.triu(start + 1)
    with torch.autocast(q.device.type, enabled=False):
        weights = torch.softmax(scores, dim=-1)
        if dropout:
            weights = F.dropout(weights, dropout)
        return weights @ v


def fused_attention(q: Tensor, k: Tensor, v: Tensor, start: int, dropout: float) -> Tensor:
    """The same by PyTorch's fused kernel."""
    n, total = q.shape[-2], k.shape[-2]
    if n == total:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=1.0, dropout_p=dropout)
    visible = torch.ones(n, total, dtype=torch.bool, device=q.device).tril(start)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=visible, scale=1.0, dropout_p=dropout)


class Attention(nn.Module):
    """Causal multi-head self-attention over [B, n, d_model], with an optional cache; no biases.

    dropout: rate at which attention weights are dropped while training.
    """

    def __init__(self, d_model: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.d_head = d_model // n_heads
        # Three matrices, because Muon orthogonalises each by itself.
        self.q = nn.Linear(d_model, d_model, bias=False)
        self.k = nn.Linear(d_model, d_model, bias=False)
        self.v = nn.Linear(d_model, d_model, bias=False)
        self.out = nn.Linear(d_model, d_model, bias=False)
        self.dropout = dropout

    def qkv_weight(self) -> Tensor:
        """[3 d_model, d_model]: one product is faster than three."""
        return torch.cat([self.q.weight, self.k.weight, self.v.weight])

    def forward(self, x: Tensor, cache: Cache | None = None, layer: int = 0) -> Tensor:
        B, n, d = x.shape
        qkv = F.linear(x, self.qkv_weight()).view(B, n, 3, self.n_heads, self.d_head)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        q = q * self.d_head**-0.5
        start = 0
        if cache is not None:
            start = cache.length
            k, v = cache.extend(layer, k, v)
            q = q.to(k.dtype)
        attend = fused_attention if x.device.type == "cuda" else plain_attention
        dropout = self.dropout if self.training else 0.0
        z = attend(q, k, v, start, dropout).transpose(1, 2).reshape(B, n, d)
        return self.out(z)


class MLP(nn.Module):
    """Two linear maps with a ReLU between; ``hook_post`` is the hidden activation.

    dropout: rate at which the output is dropped while training.
    """

    def __init__(self, d_model: int, d_mlp: int, dropout: float, bias: bool) -> None:
        super().__init__()
        self.up = nn.Linear(d_model, d_mlp, bias=bias)
        self.hook_post = nn.Identity()
        self.down = nn.Linear(d_mlp, d_model, bias=bias)
        # nn.Dropout(0.0) still draws from the global generator and multiplies while training.
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(self.down(self.hook_post(F.relu(self.up(x)))))


class Block(nn.Module):
    """A pre-norm transformer block with its hook points; ``bias`` is that of the MLP."""

    def __init__(
        self,
        d_model: int,
        n_heads: int,
        d_mlp: int,
        dropout: float,
        bias: bool,
        norm: Callable[[int], nn.Module],
    ) -> None:
        super().__init__()
        self.hook_resid_pre = nn.Identity()
        self.ln1 = norm(d_model)
        self.attn = Attention(d_model, n_heads, dropout)
        self.hook_attn_out = nn.Identity()
        self.hook_resid_mid = nn.Identity()
        self.ln2 = norm(d_model)
        self.mlp = MLP(d_model, d_mlp, dropout, bias)
        self.hook_mlp_out = nn.Identity()
        self.hook_resid_post = nn.Identity()

    def forward(self, x: Tensor, cache: Cache | None = None, layer: int = 0) -> Tensor:
        x = self.hook_resid_pre(x)
        x = x + self.hook_attn_out(self.attn(self.ln1(x), cache, layer))
        x = self.hook_resid_mid(x)
        x = x + self.hook_mlp_out(self.mlp(self.ln2(x)))
        return self.hook_resid_post(x)
