"""Exports: a folder holds the whole agent, in every form."""

from __future__ import annotations

import json

import pytest
import torch

from agents.config import ModelConfig, architectures
from agents.export import read_agent, write_agent
from agents.model import build_model
from tests.helpers.unusual_agent import SIZES
from world.core.errors import UserError
from world.grids.world import GridsWorld

WORLD = GridsWorld(height=5, width=4, rectangles=1, tasks=("frame", "grow"))


@pytest.fixture(scope="module", params=architectures.names())
def agent(request):
    return build_model(ModelConfig(architectures[request.param](), **SIZES), WORLD, seed=5).eval()


def test_our_own_form_is_the_agent_and_its_world(agent, tmp_path):
    write_agent(agent, WORLD, tmp_path / "a", ("culture_sim",))
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["culture_sim"]
    again, world = read_agent(tmp_path / "a")
    assert (again.config, world) == (agent.config, WORLD)
    weights = agent.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in again.state_dict().items())


def test_every_form_says_of_which_world_it_is(agent, tmp_path):
    write_agent(agent, WORLD, tmp_path)
    for form in (".", "transformer_lens"):
        told = json.loads((tmp_path / form / "config.json").read_text())["culture_sim"]
        assert told["world"] | {"name": "grids", "height": 5, "width": 4} == told["world"]
        assert tuple(told["vocab"]) == WORLD.vocab
    assert {path.name for path in tmp_path.rglob("*.*")} == {
        "config.json",
        "generation_config.json",
        "model.safetensors",
    }


def test_an_unknown_form_is_refused_before_anything_is_written(agent, tmp_path):
    with pytest.raises(UserError, match="unknown form 'onnx'"):
        write_agent(agent, WORLD, tmp_path / "a", ("culture_sim", "onnx"))
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("damage", ["config.json", "model.safetensors"])
def test_what_is_damaged_is_said(agent, tmp_path, damage):
    write_agent(agent, WORLD, tmp_path, ("culture_sim",))
    (tmp_path / "culture_sim" / damage).write_text("no")
    with pytest.raises(UserError, match=f"{damage} .*export the agent again"):
        read_agent(tmp_path)
