"""Small agents that live in a world of copied strings: proof that agents assume no grids."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from agents.config import ModelConfig, architectures
from agents.model import AgentModel, build_model
from tests.helpers.copy_world import CopyWorld
from world import QuizBatch, Stream

SMALL = {"d_model": 32, "n_layers": 2, "n_heads": 2, "d_mlp": 64}


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def strings() -> CopyWorld:
    """The world of copied strings."""
    return CopyWorld()


@pytest.fixture(scope="session")
def quizzes(strings: CopyWorld) -> QuizBatch:
    """120 quizzes, half of them in each answer layout."""
    drawn = strings.draw(Stream(1, "test"), 0, 120, "test")
    return strings.arrange(drawn, np.arange(120, dtype=np.uint8) % 2)


@pytest.fixture(scope="session", params=architectures.names())
def untrained(request: pytest.FixtureRequest, strings: CopyWorld) -> AgentModel:
    """A small agent of each architecture with initial weights, in evaluation mode."""
    config = ModelConfig(architectures[request.param](), **SMALL, dropout=0.1)
    return build_model(config, strings, seed=3).eval()


@pytest.fixture(scope="session")
def trained(strings: CopyWorld) -> AgentModel:
    """A small agent that solves some quizzes of the string world and fails others."""
    model = build_model(ModelConfig(**SMALL), strings, seed=4)
    drawn = strings.draw(Stream(2, "train"), 0, 2048, "train")
    written = strings.arrange(drawn, np.arange(2048, dtype=np.uint8) % 2)
    tokens = torch.from_numpy(written.tokens).long()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    answer = torch.from_numpy(strings.kinds[0] == 2)
    for step in range(60):
        rows = tokens[torch.arange(64 * step, 64 * (step + 1)) % len(tokens)]
        loss = F.cross_entropy(model(rows)[:, answer].flatten(0, 1), rows[:, answer].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()
