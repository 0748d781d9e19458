"""Exports: a folder holds the whole agent."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from agents.config import ModelConfig, architectures
from agents.export import to_huggingface
from agents.model import build_model
from tests.helpers.unusual_agent import SIZES, unusual_agent
from world.core.errors import UserError
from world.core.options import from_tree
from world.grids.world import GridsWorld


@pytest.fixture(scope="module", params=architectures.names())
def model(request, strings):
    return unusual_agent(request.param, strings)


@pytest.fixture(scope="module")
def tokens():
    return torch.randint(9, (32, 12), generator=torch.Generator().manual_seed(7))


def test_a_huggingface_folder_holds_the_whole_agent(model, strings, tokens, tmp_path):
    path = tmp_path / "agent"
    to_huggingface(model, {"name": "strings", "length": 5}, path)
    to_huggingface(model, {"name": "strings", "length": 5}, path)
    assert {file.name for file in path.iterdir()} == {
        "model.safetensors",
        "config.json",
        "README.md",
    }
    config = json.loads((path / "config.json").read_text())
    assert config["world"] == {"name": "strings", "length": 5}
    assert (config["vocab_size"], config["seq_len"]) == (9, 12)
    copy = build_model(from_tree(ModelConfig, config["model"]), strings, seed=9).eval()
    copy.load_state_dict(load_file(path / "model.safetensors"))
    with torch.no_grad():
        assert torch.equal(copy(tokens), model(tokens))
    card = (path / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: culture-sim\n")
    assert "`strings`" in card
    assert f"{sum(p.numel() for p in model.parameters()):,} parameters" in card


@pytest.mark.parametrize("architecture", architectures.names())
def test_the_code_in_the_card_loads_the_agent(architecture, tmp_path, monkeypatch):
    world = GridsWorld(height=5, width=4, rectangles=1, tasks=("frame", "grow"))
    model = build_model(ModelConfig(architectures[architecture](), **SIZES), world, seed=5)
    world_info = json.loads(json.dumps({"name": "grids", **asdict(world)}))
    to_huggingface(model, world_info, tmp_path)
    card = (tmp_path / "README.md").read_text()
    code = card.split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(code, "README.md", "exec"), names)
    assert names["world"] == world
    loaded = names["model"].state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in model.state_dict().items())


def test_a_file_in_the_way_is_refused(model, tmp_path):
    path = tmp_path / "agent"
    path.write_text("")
    with pytest.raises(UserError, match="is a file"):
        to_huggingface(model, {"name": "strings"}, path)
