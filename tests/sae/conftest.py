"""A small world and a small agent, trained for seconds so that its activations mean something."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from agents.config import ModelConfig
from agents.model import AgentModel, build_model
from agents.training import part_weights, weighted_loss
from sae.activations.quizzes import training_source
from tests.helpers.once import made_once
from world import Stream
from world.grids.world import GridsWorld

SITE = "blocks.1.hook_resid_post"
MODEL = ModelConfig(d_model=32, n_layers=2, n_heads=2, d_mlp=64)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def small_world() -> GridsWorld:
    """5x5 grids: smaller ones have so few different quizzes that agents learn them by heart."""
    return GridsWorld(height=5, width=5, colours=4, rectangles=1, tasks=("replace_color", "frame"))


@pytest.fixture(scope="session")
def agents(takes_long, small_world, tmp_path_factory) -> list[AgentModel]:
    """Two agents, each after 350 steps of Adam."""

    def make(path: Path) -> None:
        path.mkdir(parents=True)
        for seed in range(2):
            save_file(_trained(small_world, seed).state_dict(), path / f"{seed}.safetensors")

    path = made_once(tmp_path_factory, "sae-agents", make)
    return [_agent(small_world, load_file(path / f"{seed}.safetensors")) for seed in range(2)]


def _agent(world: GridsWorld, weights: dict[str, Tensor]) -> AgentModel:
    model = build_model(MODEL, world, seed=0)
    model.load_state_dict(weights)
    return model.eval().requires_grad_(False)


def _trained(world: GridsWorld, seed: int) -> AgentModel:
    model = build_model(MODEL, world, seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    quizzes = training_source(world, Stream(seed, "test-agent"))(0, 4096)
    tokens = torch.from_numpy(quizzes.tokens).long()
    weights = part_weights(world)[torch.from_numpy(world.part_of(quizzes)).long()]
    order = torch.Generator().manual_seed(seed)
    for _ in range(350):
        rows = torch.randint(len(tokens), (16,), generator=order)
        loss = weighted_loss(model(tokens[rows]), tokens[rows], weights[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model
