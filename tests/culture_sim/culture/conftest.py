"""A world of few quizzes, five small agents that disagree about it, and a round they made.

The agents are five moments of one training, so they are real, differ, and cost seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from agents.config import ModelConfig
from agents.model import AgentModel, build_model
from agents.training import part_weights
from culture_sim.culture.config import CultureConfig
from culture_sim.culture.figures import read_summary
from culture_sim.culture.round import open_round
from culture_sim.culture.store import CultureStore
from culture_sim.experiment import hold_round
from tests.helpers.once import made_once
from world import Stream, World
from world.grids.world import GridsWorld

SETTING = {
    "seed": 3,
    "world": {"height": 4, "width": 4, "colours": 3, "rectangles": 1,
              "tasks": ("replace_color", "frame")},
    "model": {"d_model": 32, "n_layers": 2, "n_heads": 2, "d_mlp": 64},
    "culture": {"batch_size": 16, "shard_batches": 2, "quota": 22, "max_proposals": 1000},
}  # fmt: skip
BATCHES = SETTING["culture"]["shard_batches"]
SHARD = BATCHES * SETTING["culture"]["batch_size"]
"""Of a shard of the round: batches, and proposals. A round has three shards or more."""
STEPS, BATCH, MOMENTS = 450, 32, (350, 375, 400, 425, 450)


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def setting():
    """The options of the round made here, as plain types."""
    return SETTING


@pytest.fixture(scope="session")
def world():
    return GridsWorld(**SETTING["world"])


@pytest.fixture(scope="session")
def agents(takes_long, world, tmp_path_factory) -> list[AgentModel]:
    """Five agents of increasing skill, from about 75 % to 99 % of the world's quizzes."""

    def make(path: Path) -> None:
        path.mkdir(parents=True)
        for agent, weights in enumerate(_moments(world)):
            save_file(weights, path / f"{agent}.safetensors")

    path = made_once(tmp_path_factory, "culture-agents", make)
    files = [path / f"{agent}.safetensors" for agent in range(len(MOMENTS))]
    return [_agent(world, load_file(file)) for file in files]


def _agent(world: World, weights: dict[str, Tensor]) -> AgentModel:
    model = build_model(ModelConfig(**SETTING["model"]), world, seed=0)
    model.load_state_dict(weights)
    return model.eval().requires_grad_(False)


def _moments(world: World) -> Iterator[dict[str, Tensor]]:
    """The weights at these moments of one training."""
    # Of every split: there are too few pairs to learn a rule from some of them.
    drawn = world.generate(Stream(0, "train").generator(), BATCH * 256)
    layouts = np.random.default_rng(0).integers(5, size=len(drawn)).astype(np.uint8)
    written = world.arrange(drawn, layouts)
    tokens = torch.from_numpy(written.tokens).long()
    weights = part_weights(world)[torch.from_numpy(world.part_of(written)).long()]
    model = build_model(ModelConfig(**SETTING["model"]), world, seed=0)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for step in range(1, STEPS + 1):
        rows = torch.arange(BATCH * step, BATCH * (step + 1)) % len(tokens)
        losses = F.cross_entropy(model(tokens[rows]).mT, tokens[rows], reduction="none")
        optimizer.zero_grad()
        (losses * weights[rows]).sum().div(weights[rows].sum()).backward()
        optimizer.step()
        if step in MOMENTS:
            yield model.state_dict()


@pytest.fixture(scope="session")
def test_hashes(world):
    """uint64 [300]: canonical hashes of a world test set, of quizzes with a held-out pair."""
    drawn = world.generate(Stream(0, "world-test").generator(), 3000)
    return world.canonical_hash(drawn[world.split_of(drawn) == World.splits.index("test")][:300])


@pytest.fixture(scope="session")
def make_round(agents, world, test_hashes):
    """Make a round of the setting in a folder, or finish it; options may be changed."""

    def make(folder: Path, round_: int = 1, models=None, known=test_hashes, **changes):
        progress = changes.pop("progress", lambda _: None)
        models = models or agents
        round_made = open_round(
            models,
            world,
            CultureConfig(**{**SETTING["culture"], **changes}),
            number=round_,
            seed=SETTING["seed"],
            checkpoints=[f"agent {i}" for i in range(len(models))],
            test_hashes=known,
            store=CultureStore(folder),
            accelerator=Accelerator(cpu=True),
            report=progress,
        )
        return hold_round(round_made)

    return make


@pytest.fixture(scope="session")
def round_one(make_round, tmp_path_factory):
    """(store, summary) of one uninterrupted round in one process; not to be changed."""
    folder = made_once(tmp_path_factory, "round-one", make_round)
    store = CultureStore(folder)
    return store, read_summary(store, 1)
