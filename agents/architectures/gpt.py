"""The default agent: positions as a sum of learned vectors, one for each axis of the world.

A place is named by its part, row and column, so what is learned about a row holds in every
part from the start. LayerNorm before every layer and at the end (PyTorch fuses it on a CPU, and
not RMSNorm), ReLU, no biases, untied output.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from agents.config import Architecture, ModelConfig, architectures
from agents.layers import Block
from agents.model import AgentModel, make_blocks
from world import World


@architectures.register("gpt")
@dataclass(frozen=True)
class GPTArchitecture(Architecture):
    """Positions as sums of learned vectors, one for each axis of the world."""

    def __call__(self, config: ModelConfig, world: World) -> GPT:
        return GPT(config, world)


class GPT(AgentModel):
    """Factored positions, pre-norm, final norm, untied output."""

    coordinates: Tensor

    def __init__(self, config: ModelConfig, world: World) -> None:
        super().__init__(config, world)
        d = config.d_model
        self.embed = nn.Embedding(world.vocab_size, d)
        self.pos_embed = nn.ModuleList(nn.Embedding(axis.size, d) for axis in world.axes)
        self.register_buffer("coordinates", torch.from_numpy(world.coordinates), persistent=False)
        self.blocks = make_blocks(
            config, bias=False, norm=functools.partial(nn.LayerNorm, bias=False)
        )
        self.ln_final = nn.LayerNorm(d, bias=False)
        self.unembed = nn.Linear(d, world.vocab_size, bias=False)
        self._init_weights()

    def _init_weights(self) -> None:
        """Small embeddings; layers that write to the residual stream start near zero.

        Keys start as the queries: what is alike attends to itself, such as one place in two grids,
        and training need not find that first.
        """
        for module in self.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=0.5)
            if isinstance(module, Block):
                module.attn.k.weight.data.copy_(module.attn.q.weight.data)
                writing = (module.attn.out, module.mlp.down) if module.mlp else (module.attn.out,)
                for linear in writing:
                    linear.weight.data.mul_((2 * self.n_layers) ** -0.5)

    def position_table(self) -> Float[Tensor, "T d_model"]:
        vectors = [table(self.coordinates[:, i]) for i, table in enumerate(self.pos_embed)]
        return torch.stack(vectors).sum(0)

    def embed_tokens(self, inputs: Int[Tensor, "B n"]) -> Float[Tensor, "B n d_model"]:
        return self.embed(inputs)
