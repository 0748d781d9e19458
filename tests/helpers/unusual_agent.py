"""An agent no weight of which is special."""

from __future__ import annotations

import torch

from agents.config import ModelConfig, architectures
from agents.model import AgentModel, build_model
from world import World

SIZES = {"d_model": 48, "n_layers": 3, "n_heads": 3, "d_mlp": 80}
ATTENTION_ALONE = "gpt of attention alone"
KINDS = (*architectures.names(), ATTENTION_ALONE)


def unusual_agent(kind: str, world: World) -> AgentModel:
    """No bias is zero and no norm has unit gain; in evaluation mode. kind: one of ``KINDS``."""
    alone = kind == ATTENTION_ALONE
    architecture = architectures["gpt" if alone else kind]()
    config = ModelConfig(architecture, **(SIZES | {"d_mlp": 0} if alone else SIZES), dropout=0.1)
    model = build_model(config, world, seed=5)
    generator = torch.Generator().manual_seed(6)
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    return model.eval()
