"""An agent no weight of which is special."""

from __future__ import annotations

import torch

from agents.config import ModelConfig, architectures
from agents.model import AgentModel, build_model
from world import World

SIZES = {"d_model": 48, "n_layers": 3, "n_heads": 3, "d_mlp": 80}


def unusual_agent(architecture: str, world: World, **sizes: int) -> AgentModel:
    """No bias is zero and no norm has unit gain; in evaluation mode. sizes: instead of its own."""
    config = ModelConfig(architectures[architecture](), **{**SIZES, **sizes}, dropout=0.1)
    model = build_model(config, world, seed=5)
    generator = torch.Generator().manual_seed(6)
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    return model.eval()
