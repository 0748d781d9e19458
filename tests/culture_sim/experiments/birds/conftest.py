"""Networks of the birds world that have learned nothing, with weights large enough to matter."""

from __future__ import annotations

import pytest
import torch

from agents.config import ModelConfig
from agents.model import AgentModel, build_model
from world.birds import BirdsWorld

WORLD = BirdsWorld()


@pytest.fixture(scope="session")
def model() -> AgentModel:
    """Two blocks of width 16, three times as large as networks begin: so its logits differ."""
    config = ModelConfig(d_model=16, n_layers=2, n_heads=2, d_mlp=32)
    made = build_model(config, WORLD, seed=0).eval().requires_grad_(False)
    with torch.no_grad():
        for weight in made.parameters():
            if weight.ndim == 2:
                weight.mul_(3)
    return made
