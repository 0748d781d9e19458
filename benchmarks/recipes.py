"""Ways to train an agent that are compared at one size of network.

Beside the default recipe and the source's, the default with one ingredient taken away at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn

from agents.architectures.culture_gpt import CultureGPTArchitecture, sinusoids
from agents.architectures.gpt import GPT
from agents.config import Architecture, ModelConfig, TrainConfig, architectures
from agents.layers import Attention, Block
from agents.model import AgentModel
from culture_sim.presets import presets
from world import World

Recipe = Callable[[ModelConfig], tuple[ModelConfig, TrainConfig]]


def default(size: ModelConfig) -> tuple[ModelConfig, TrainConfig]:
    """The default network and training."""
    return size, presets["compact"]().train


def source(size: ModelConfig) -> tuple[ModelConfig, TrainConfig]:
    """F. Fleuret's network and training (2024) at another size, in float32 as published."""
    published, here = presets["faithful"](), presets["compact"]().train
    network = published.model
    model = replace(size, architecture=network.architecture, dropout=network.dropout)
    train = replace(
        published.train,
        precision="fp32",
        epoch_quizzes=here.epoch_quizzes,
        validation_quizzes=here.validation_quizzes,
        test_quizzes=here.test_quizzes,
    )
    return model, train


@architectures.register("gpt_sinusoidal")
@dataclass(frozen=True)
class SinusoidalArchitecture(Architecture):
    """``SinusoidalGPT``."""

    def __call__(self, config: ModelConfig, world: World) -> AgentModel:
        return SinusoidalGPT(config, world)


class SinusoidalGPT(GPT):
    """The default network with the source's positions, which know nothing of rows and columns."""

    positions: Tensor

    def __init__(self, config: ModelConfig, world: World) -> None:
        super().__init__(config, world)
        del self.pos_embed
        self.register_buffer("positions", sinusoids(world.seq_len, config.d_model, 1e5))

    def position_table(self) -> Tensor:
        """float32 [T, d_model]."""
        return self.positions


class JointAttention(Attention):
    """Queries, keys and values from one matrix, which Muon orthogonalises as a whole."""

    def __init__(self, parts: Attention) -> None:
        nn.Module.__init__(self)
        self.n_heads, self.d_head, self.dropout = parts.n_heads, parts.d_head, parts.dropout
        weight = torch.cat([parts.q.weight, parts.k.weight, parts.v.weight])
        self.qkv = nn.Parameter(weight.detach().clone())
        self.out = parts.out

    def qkv_weight(self) -> Tensor:
        return self.qkv


@architectures.register("gpt_joint")
@dataclass(frozen=True)
class JointArchitecture(Architecture):
    """``JointGPT``."""

    def __call__(self, config: ModelConfig, world: World) -> AgentModel:
        return JointGPT(config, world)


class JointGPT(GPT):
    """The default network with one matrix for queries, keys and values."""

    def __init__(self, config: ModelConfig, world: World) -> None:
        super().__init__(config, world)
        for block in self.blocks:
            block.attn = JointAttention(cast(Block, block).attn)


@architectures.register("gpt_own_keys")
@dataclass(frozen=True)
class OwnKeysArchitecture(Architecture):
    """``OwnKeysGPT``."""

    def __call__(self, config: ModelConfig, world: World) -> AgentModel:
        return OwnKeysGPT(config, world)


class OwnKeysGPT(GPT):
    """The default network with keys that start apart from the queries."""

    def __init__(self, config: ModelConfig, world: World) -> None:
        super().__init__(config, world)
        for block in self.blocks:
            cast(Block, block).attn.k.reset_parameters()


def _without(**changes: object) -> Recipe:
    """The default recipe with other options, of the network or of training."""

    def recipe(size: ModelConfig) -> tuple[ModelConfig, TrainConfig]:
        model, train = default(size)
        of_model = {k: v for k, v in changes.items() if hasattr(model, k)}
        of_train = {k: v for k, v in changes.items() if k not in of_model}
        return replace(model, **of_model), replace(train, **of_train)  # type: ignore[arg-type]

    return recipe


ABLATIONS: dict[str, Recipe] = {
    "sinusoidal positions": _without(architecture=SinusoidalArchitecture()),
    "source's network": _without(architecture=CultureGPTArchitecture()),
    "Adam, 1e-3": _without(optimizer="adam", learning_rate=1e-3),
    "Adam, 5e-4": _without(optimizer="adam", learning_rate=5e-4),
    "keys of their own": _without(architecture=OwnKeysArchitecture()),
    "batch 32, average 0.99": _without(batch_size=32, ema_decay=0.99),
    "constant rates": _without(cooling=0.0),
    "momentum 0.95": _without(momentum=0.95),
    "one matrix for q, k, v": _without(architecture=JointArchitecture()),
    "no averaging": _without(ema_decay=0.0),
    "uniform loss": _without(part_weighting=0.0),
    "tasks alike": _without(error_weighting=0.0),
    "float32": _without(precision="fp32"),
    "dropout 0.1": _without(dropout=0.1),
    "prompt noise 5 %": _without(prompt_noise=0.05),
}
"""The default recipe with one ingredient replaced, by what stands in its place."""
recipes: dict[str, Recipe] = {"default": default, "source": source, **ABLATIONS}
