"""The layers of every architecture, with hook points named as TransformerLens names them.

Hook points within attention cost nothing: only where one of them is in use is attention computed
step by step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from agents.attention import (
    blockwise_attention,
    blockwise_suits,
    causal_scores,
    fused_attention,
    plain_attention,
)
from agents.hooks import HookPoint

CHUNK = 32
"""Positions by which a cache grows."""
FUSED_ON = ("cuda",)
"""Types of device on which attention is PyTorch's fused kernel."""


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
        self.hook_q = HookPoint()
        self.hook_k = HookPoint()
        self.hook_v = HookPoint()
        self.hook_attn_scores = HookPoint()
        self.hook_pattern = HookPoint()
        self.hook_z = HookPoint()
        self.hook_result = HookPoint()
        self._hooks = tuple(m.hooks for m in self.children() if isinstance(m, HookPoint))

    @property
    def hooked(self) -> bool:
        """Whether a hook point within attention is in use."""
        return any(self._hooks)

    def qkv_weight(self) -> Tensor:
        """[3 d_model, d_model]: one product is faster than three."""
        return torch.cat([self.q.weight, self.k.weight, self.v.weight])

    def forward(
        self, x: Float[Tensor, "B n d_model"], cache: Cache | None = None, layer: int = 0
    ) -> Float[Tensor, "B n d_model"]:
        B, n, d = x.shape
        qkv = F.linear(x, self.qkv_weight()).view(B, n, 3, self.n_heads, self.d_head)
        if self.hooked:
            return self._step_by_step(qkv, cache, layer)
        dropout = self.dropout if self.training else 0.0
        fused = x.device.type in FUSED_ON
        if cache is None and not dropout and not fused and blockwise_suits(qkv):
            return self.out(blockwise_attention(qkv))
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        q = q * self.d_head**-0.5
        start = 0
        if cache is not None:
            start = cache.length
            k, v = cache.extend(layer, k, v)
            q = q.to(k.dtype)
        attend = fused_attention if fused else plain_attention
        z = attend(q, k, v, start, dropout).transpose(1, 2).reshape(B, n, d)
        return self.out(z)

    def _step_by_step(
        self, qkv: Float[Tensor, "B n 3 H d_head"], cache: Cache | None, layer: int
    ) -> Float[Tensor, "B n d_model"]:
        """The same with every quantity that TransformerLens names, at its hook point."""
        q, k, v = qkv.unbind(2)
        q = self.hook_q(q).transpose(1, 2) * self.d_head**-0.5
        k, v = self.hook_k(k).transpose(1, 2), self.hook_v(v).transpose(1, 2)
        start = 0
        if cache is not None:
            start, stop = cache.length, cache.length + q.shape[2]
            k, v = (kept[:, :, :stop] for kept in cache.extend(layer, k, v))
            q = q.to(k.dtype)
        scores = self.hook_attn_scores(causal_scores(q, k, start))
        with torch.autocast(q.device.type, enabled=False):
            pattern = torch.softmax(scores, dim=-1)
            # A query that an intervention leaves no key attends to nothing.
            pattern = self.hook_pattern(pattern.masked_fill(pattern.isnan(), 0.0)).to(v.dtype)
            if self.training and self.dropout:
                pattern = F.dropout(pattern, self.dropout)
            z = pattern @ v
        z = self.hook_z(z.transpose(1, 2))
        if not self.hook_result.hooks:
            return self.out(z.flatten(2))
        weight = self.out.weight.unflatten(1, (self.n_heads, self.d_head))
        return self.hook_result(torch.einsum("bnhe,mhe->bnhm", z, weight)).sum(2)


class MLP(nn.Module):
    """Two linear maps with a ReLU between; ``hook_post`` is the hidden activation.

    dropout: rate at which the output is dropped while training.
    """

    def __init__(self, d_model: int, d_mlp: int, dropout: float, bias: bool) -> None:
        super().__init__()
        self.up = nn.Linear(d_model, d_mlp, bias=bias)
        self.hook_post = HookPoint()
        self.down = nn.Linear(d_mlp, d_model, bias=bias)
        # nn.Dropout(0.0) still draws from the global generator and multiplies while training.
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()

    def forward(self, x: Float[Tensor, "B n d_model"]) -> Float[Tensor, "B n d_model"]:
        return self.dropout(self.down(self.hook_post(F.relu(self.up(x)))))


class Block(nn.Module):
    """A pre-norm transformer block with its hook points; ``bias`` is that of the MLP.

    With ``d_mlp`` 0 it is attention alone, and has no hook points beyond that.
    """

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
        self.hook_resid_pre = HookPoint()
        self.ln1 = norm(d_model)
        self.attn = Attention(d_model, n_heads, dropout)
        self.hook_attn_out = HookPoint()
        self.mlp: MLP | None = None
        if d_mlp:
            self.hook_resid_mid = HookPoint()
            self.ln2 = norm(d_model)
            self.mlp = MLP(d_model, d_mlp, dropout, bias)
            self.hook_mlp_out = HookPoint()
        self.hook_resid_post = HookPoint()

    def forward(
        self, x: Float[Tensor, "B n d_model"], cache: Cache | None = None, layer: int = 0
    ) -> Float[Tensor, "B n d_model"]:
        x = self.hook_resid_pre(x)
        x = x + self.hook_attn_out(self.attn(self.ln1(x), cache, layer))
        if self.mlp is not None:
            x = self.hook_resid_mid(x)
            x = x + self.hook_mlp_out(self.mlp(self.ln2(x)))
        return self.hook_resid_post(x)
