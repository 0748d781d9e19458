"""One agent's network: what every architecture offers, and how one is built.

An architecture subclasses AgentModel, says how tokens and positions are embedded and what
stands after the last block; shifting, caching and hook points are the same for all.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from agents.config import ModelConfig
from agents.layers import Block, Cache
from world import Registry, World


class AgentModel(nn.Module):
    """A causal transformer over a world's sequences. B sequences, T tokens, V token values."""

    blocks: nn.ModuleList
    ln_final: nn.Module
    unembed: nn.Linear

    def __init__(self, config: ModelConfig, world: World) -> None:
        super().__init__()
        self.config = config
        self.n_layers = config.n_layers
        self.d_model = config.d_model
        self.vocab_size = world.vocab_size
        self.seq_len = world.seq_len
        self.hook_embed = nn.Identity()
        self.hook_pos_embed = nn.Identity()

    @abstractmethod
    def position_table(self) -> Tensor:
        """[T, d_model]: what is added to the token embedding at each position."""

    @abstractmethod
    def embed_tokens(self, inputs: Tensor) -> Tensor:
        """Token embeddings [B, n, d_model] of int64 inputs [B, n]."""

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits [B, T, V] of int64 tokens [B, T]; logits[:, t] predicts tokens[:, t].

        Only tokens[:, :t] are seen: the sequence is shifted right behind a start token 0.
        """
        if tokens.ndim != 2 or tokens.shape[1] != self.seq_len:
            raise ValueError(f"tokens must be [B, {self.seq_len}], got {list(tokens.shape)}")
        return self.extend(shift(tokens), None)

    def new_cache(self, batch: int, dtype: torch.dtype | None = None) -> Cache:
        """An empty cache for ``batch`` sequences, in the working precision."""
        weight = self.unembed.weight
        if dtype is None:
            kind = weight.device.type
            autocast = torch.is_autocast_enabled(kind)
            dtype = torch.get_autocast_dtype(kind) if autocast else weight.dtype
        d_head = self.d_model // self.config.n_heads
        empty = torch.zeros(
            (batch, self.config.n_heads, 0, d_head), dtype=dtype, device=weight.device
        )
        return Cache([empty] * self.n_layers, [empty] * self.n_layers)

    def extend(self, inputs: Tensor, cache: Cache | None) -> Tensor:
        """Logits [B, n, V] after n more input tokens (already shifted), which join the cache."""
        start = 0 if cache is None else cache.length
        B, n = inputs.shape
        positions = self.position_table()[start : start + n].expand(B, n, -1)
        x = self.hook_embed(self.embed_tokens(inputs)) + self.hook_pos_embed(positions)
        for layer, block in enumerate(self.blocks):
            x = block(x, cache, layer)
        if cache is not None:
            cache.length += n
        return self.unembed(self.ln_final(x))


def shift(tokens: Tensor) -> Tensor:
    """Network inputs [B, T] of sequences [B, T]: moved right behind the start token 0."""
    return torch.cat([torch.zeros_like(tokens[:, :1]), tokens[:, :-1]], dim=1)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; the mode found is put back afterwards."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


def make_blocks(config: ModelConfig, bias: bool, norm: Callable[[int], nn.Module]) -> nn.ModuleList:
    """The stack of blocks of a configuration."""
    return nn.ModuleList(
        Block(config.d_model, config.n_heads, config.d_mlp, config.dropout, bias, norm)
        for _ in range(config.n_layers)
    )


architectures: Registry[type[AgentModel]] = Registry("architecture", "agents.architectures")


def build_model(config: ModelConfig, world: World, seed: int) -> AgentModel:
    """A model with initial weights drawn from ``seed``; the global generator is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return architectures[config.architecture](config, world)
