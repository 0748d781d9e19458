"""Exports: a HookedTransformer computes the same, and a folder holds the whole agent."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from agents.config import ModelConfig
from agents.export import to_huggingface, to_transformer_lens
from agents.hooks import capture, intervene, site_names
from agents.model import architectures, build_model, shift
from world.core.errors import UserError
from world.grids.world import GridsWorld

SIZES = {"d_model": 48, "n_layers": 3, "n_heads": 3, "d_mlp": 80}


@pytest.fixture(scope="module", params=architectures.names())
def model(request, strings):
    """An agent no weight of which is special: no bias is zero and no norm has unit gain."""
    model = build_model(ModelConfig(request.param, **SIZES, dropout=0.1), strings, seed=5)
    generator = torch.Generator().manual_seed(6)
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    return model.eval()


@pytest.fixture(scope="module")
def hooked(model):
    return to_transformer_lens(model)


@pytest.fixture(scope="module")
def tokens():
    return torch.randint(9, (32, 12), generator=torch.Generator().manual_seed(7))


def test_transformer_lens_gives_the_same_logits(model, hooked, tokens):
    with torch.no_grad():
        difference = (hooked(shift(tokens)) - model(tokens)).abs().max()
    assert difference <= 1e-5


def test_transformer_lens_has_the_same_activations_at_every_site(model, hooked, tokens):
    _, cache = hooked.run_with_cache(shift(tokens))
    for site, expected in capture(model, tokens, site_names(model)).items():
        torch.testing.assert_close(cache[site], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("site", ["blocks.1.hook_attn_out", "blocks.0.mlp.hook_post"])
def test_interventions_have_the_same_effect(model, hooked, tokens, site):
    with torch.no_grad():
        theirs = hooked.run_with_hooks(shift(tokens), fwd_hooks=[(site, lambda x, hook: x * 0)])
        with intervene(model, {site: torch.zeros_like}):
            ours = model(tokens)
    assert (ours - theirs).abs().max() <= 1e-5


def test_export_leaves_the_agent_and_the_global_generator_alone(model):
    state = torch.get_rng_state()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    hooked = to_transformer_lens(model.train())
    assert model.training
    model.eval()
    assert torch.equal(torch.get_rng_state(), state)
    hooked.W_E.data.zero_()
    hooked.blocks[0].attn.W_Q.data.zero_()
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_transformer_lens_is_imported_only_when_needed():
    code = "import sys, agents.export; sys.exit('transformer_lens' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


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
    copy = build_model(ModelConfig(**config["model"]), strings, seed=9).eval()
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
    model = build_model(ModelConfig(architecture, **SIZES), world, seed=5)
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
