"""The network of F. Fleuret's culture experiment (2024), for runs faithful to it.

Sinusoidal positions, LayerNorm before every layer and none at the end, ReLU, untied readout.
Biases stand in the MLPs, the norms and the readout, not in attention. Dropout acts on token
embeddings, attention weights and MLP outputs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from agents.config import Architecture, ModelConfig, architectures
from agents.layers import Attention
from agents.model import AgentModel, make_blocks
from world import World
from world.core.errors import POSITIVE, require


@architectures.register("culture_gpt")
@dataclass(frozen=True)
class CultureGPTArchitecture(Architecture):
    """The network of F. Fleuret's culture experiment."""

    base: float = 1e5
    """Base of the wavelengths of the sinusoidal positions."""

    def __post_init__(self) -> None:
        require(self, "architecture culture_gpt", POSITIVE, "base")

    def __call__(self, config: ModelConfig, world: World) -> CultureGPT:
        return CultureGPT(config, world, self.base)


class CultureGPT(AgentModel):
    """Sinusoidal positions, pre-norm with biases, no final norm."""

    positions: Tensor

    def __init__(self, config: ModelConfig, world: World, base: float) -> None:
        super().__init__(config, world)
        d = config.d_model
        self.embed = nn.Embedding(world.vocab_size, d)
        self.embed_dropout = nn.Dropout(config.dropout)
        self.register_buffer("positions", sinusoids(world.seq_len, d, base), persistent=False)
        self.blocks = make_blocks(config, bias=True, norm=nn.LayerNorm)
        self.ln_final = nn.Identity()
        self.unembed = nn.Linear(d, world.vocab_size)
        self._init_weights()

    def _init_weights(self) -> None:
        """Embeddings near zero, attention of unit gain; the rest as PyTorch draws it."""
        nn.init.normal_(self.embed.weight, std=0.02)
        for module in self.modules():
            if isinstance(module, Attention):
                for linear in (module.q, module.k, module.v, module.out):
                    nn.init.normal_(linear.weight, std=self.d_model**-0.5)

    def position_table(self) -> Float[Tensor, "T d_model"]:
        return self.positions

    def embed_tokens(self, inputs: Int[Tensor, "B n"]) -> Float[Tensor, "B n d_model"]:
        return self.embed_dropout(self.embed(inputs))


def sinusoids(length: int, d_model: int, base: float) -> Float[Tensor, "length d_model"]:
    """Sines in even channels and the cosines of the same angles in odd.

    A. Vaswani et al., "Attention is all you need", 2017, section 3.5, where the base is 1e4.
    """
    t = torch.arange(length, dtype=torch.float64)[:, None]
    j = torch.arange(d_model, dtype=torch.float64)
    odd = j % 2
    return torch.sin(t / base ** ((j - odd) / d_model) + odd * math.pi / 2).float()
