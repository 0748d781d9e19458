"""Agents for other people: a Hugging Face folder that holds the whole of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from agents.model import AgentModel
from world.core.errors import UserError
from world.core.files import json_text, let_umask_decide
from world.core.options import name_of, to_tree

CARD = """\
---
library_name: culture-sim
tags:
- culture-sim
- mechanistic-interpretability
---

# An agent of culture-sim

A causal transformer that answers quizzes of the world `{world}`: {n_layers} layers, width \
{d_model}, {n_heads} heads, MLP width {d_mlp}, {parameters:,} parameters; {vocab_size} token \
values, sequences of {seq_len} tokens. Architecture `{architecture}`.

`model.safetensors` holds the weights, `config.json` the sizes and the world's options.

```python
import json
from pathlib import Path
from safetensors.torch import load_file
from agents import ModelConfig, build_model
from world.core.options import from_tree
from world.core.world import worlds

config = json.loads(Path("config.json").read_text())
world = worlds["{world}"]({world_arguments})
model = build_model(from_tree(ModelConfig, config["model"]), world, seed=0)
model.load_state_dict(load_file("model.safetensors"))
```

`logits[:, t]` predicts `tokens[:, t]` from `tokens[:, :t]`: the sequence is moved right behind a \
start token 0 inside the model.
"""


def to_huggingface(model: AgentModel, world_info: dict[str, Any], path: Path) -> None:
    """Write a folder for the Hugging Face hub: model.safetensors, config.json, README.md.

    world_info: "name" and the world's options, ready for JSON. An earlier export at ``path``
    is replaced. Raises UserError when ``path`` is not a folder.
    """
    if path.exists() and not path.is_dir():
        raise UserError(f"{path} is a file; give the path of a folder to export to")
    path.mkdir(parents=True, exist_ok=True)
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(weights, path / "model.safetensors", metadata={"format": "pt"})
    let_umask_decide(path / "model.safetensors")
    sizes = {"vocab_size": model.vocab_size, "seq_len": model.seq_len}
    config = {"model": to_tree(model.config), **sizes, "world": world_info}
    (path / "config.json").write_text(json_text(config, indent=2) + "\n", "utf-8")
    options = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in world_info.items()
        if name != "name"
    }
    card = CARD.format(
        world=world_info["name"],
        world_arguments=", ".join(f"{name}={value!r}" for name, value in options.items()),
        parameters=sum(p.numel() for p in model.parameters()),
        **sizes,
        **{**vars(model.config), "architecture": name_of(model.config.architecture)},
    )
    (path / "README.md").write_text(card, "utf-8")
