"""One agent's network: what every architecture offers, and how one is built.

A network subclasses AgentModel, says how tokens and positions are embedded and what
stands after the last block; shifting, caching and hook points are the same for all. What makes it
from options is an ``agents.config.Architecture``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from agents.config import ModelConfig
from agents.hooks import Change, HookPoint, capture, evaluating, intervene, site_names
from agents.huggingface import transformers_model
from agents.layers import Block, Cache
from agents.lens import NetworkParts, hooked_transformer, transformer_bridge
from world import World
from world.core.options import name_of

if TYPE_CHECKING:
    from transformer_lens import HookedTransformer
    from transformer_lens.model_bridge import TransformerBridge
    from transformers import PreTrainedModel


class AgentModel(nn.Module):
    """A causal transformer over a world's sequences. B sequences, T tokens, V token values.

    ``capture`` and ``intervene`` are the functions of ``agents.hooks``, on this agent.
    """

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
        self.hook_embed = HookPoint()
        self.hook_pos_embed = HookPoint()

    @abstractmethod
    def position_table(self) -> Float[Tensor, "T d_model"]:
        """What is added to the token embedding at each position."""

    @abstractmethod
    def embed_tokens(self, inputs: Int[Tensor, "B n"]) -> Float[Tensor, "B n d_model"]:
        """Token embeddings of int64 inputs."""

    def forward(self, tokens: Int[Tensor, "B T"]) -> Float[Tensor, "B T V"]:
        """Logits of int64 tokens; logits[:, t] predicts tokens[:, t].

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

    def extend(self, inputs: Int[Tensor, "B n"], cache: Cache | None) -> Float[Tensor, "B n V"]:
        """Logits after n more input tokens (already shifted), which join the cache."""
        start = 0 if cache is None else cache.length
        B, n = inputs.shape
        positions = self.position_table()[start : start + n].expand(B, n, -1)
        x = self.hook_embed(self.embed_tokens(inputs)) + self.hook_pos_embed(positions)
        logits = self._rest(x, 0, cache)
        if cache is not None:
            cache.length += n
        return logits

    def resume(self, x: Float[Tensor, "B T d_model"], first: int) -> Float[Tensor, "B T V"]:
        """Logits of whole sequences from the residual stream before block ``first``."""
        return self._rest(x, first, None)

    def _rest(self, x: Tensor, first: int, cache: Cache | None) -> Tensor:
        for layer in range(first, self.n_layers):
            x = self.blocks[layer](x, cache, layer)
        logits: Tensor = self.unembed(self.ln_final(x))
        return logits

    def site_names(self) -> tuple[str, ...]:
        """The hook points, in the order in which they are computed."""
        return site_names(self)

    def capture(
        self, tokens: Int[Tensor, "B T"], sites: Iterable[str]
    ) -> dict[str, Float[Tensor, "B ..."]]:
        """Activations by site: see ``agents.hooks.capture``."""
        return capture(self, tokens, sites)

    def intervene(self, changes: Mapping[str, Change]) -> AbstractContextManager[None]:
        """A context in which activations are changed: see ``agents.hooks.intervene``."""
        return intervene(self, changes)

    def to_transformer_lens(self, kind: type[HookedTransformer] | None = None) -> HookedTransformer:
        """The same network as a HookedTransformer, or as a subclass of that, ``kind``: see
        ``agents.lens.hooked_transformer``.

        Logits agree up to rounding: in float32 within 1e-5 of the largest logit. The agent
        shifts its tokens itself, a HookedTransformer does not: ``hooked(shift(tokens))`` equals
        ``agent(tokens)``.
        """
        return hooked_transformer(self.network_parts(), kind)

    def to_transformer_bridge(self) -> TransformerBridge:
        """The same network as a TransformerBridge: see ``agents.lens.transformer_bridge``.

        ``bridge(shift(tokens))`` equals ``agent(tokens)`` up to rounding: in float32 within 1e-5
        of the largest logit.
        """
        return transformer_bridge(self.network_parts())

    def to_transformers(self) -> PreTrainedModel:
        """The same network as a model of transformers: see ``agents.huggingface``.

        ``model(shift(tokens)).logits`` equals ``agent(tokens)`` up to rounding: in float32 within
        1e-5 of the largest logit.
        """
        return transformers_model(self.network_parts())

    def network_parts(self) -> NetworkParts:
        """What the network is made of, for other libraries; dropout plays no part."""
        values = torch.arange(self.vocab_size, device=self.unembed.weight.device)
        with evaluating(self):
            return NetworkParts(
                name_of(self.config.architecture),
                self.embed_tokens(values[None])[0],
                self.position_table(),
                [block for block in self.blocks if isinstance(block, Block)],
                self.ln_final,
                self.unembed,
            )


def shift(tokens: Int[Tensor, "B T"]) -> Int[Tensor, "B T"]:
    """Network inputs of sequences: moved right behind the start token 0."""
    return torch.cat([torch.zeros_like(tokens[:, :1]), tokens[:, :-1]], dim=1)


def make_blocks(config: ModelConfig, bias: bool, norm: Callable[[int], nn.Module]) -> nn.ModuleList:
    """The stack of blocks of a configuration."""
    return nn.ModuleList(
        Block(config.d_model, config.n_heads, config.d_mlp, config.dropout, bias, norm)
        for _ in range(config.n_layers)
    )


def build_model(config: ModelConfig, world: World, seed: int) -> AgentModel:
    """A model with initial weights drawn from ``seed``; the global generator is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return config.architecture(config, world)
