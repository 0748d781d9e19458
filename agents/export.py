"""Agents for other people: folders that transformers, TransformerLens and this project open."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import safetensors
from safetensors.torch import load_file, save_file
from torch import Tensor

from agents.config import ModelConfig
from agents.lens import hooked_weights
from agents.model import AgentModel, build_model
from world import World
from world.core.errors import UserError, first_line
from world.core.files import json_text, let_umask_decide, read_json
from world.core.options import from_tree, to_tree

CONFIG, WEIGHTS = "config.json", "model.safetensors"
OURS = "culture_sim"
"""The entry of transformers' configuration that is ours, and the folder of our own form."""


def write_agent(model: AgentModel, world: World, folder: Path, forms: Collection[str] = ()) -> None:
    """Write an agent, in some of ``FORMS`` or by default in all, into a folder that is made.

    "transformers" is the folder itself; others have a folder of their name within. Raises UserError
    for an unknown form, and for a network that a form cannot hold.
    """
    for form in forms:
        if form not in FORMS:
            raise UserError(f"unknown form {form!r} of an agent; known: {', '.join(FORMS)}")
    for form, write in FORMS.items():
        if form in (forms or FORMS):
            place = folder if form == "transformers" else folder / form
            place.mkdir(parents=True, exist_ok=True)
            write(model, world, place)


def read_agent(folder: Path) -> tuple[AgentModel, World]:
    """The agent and its world in an exported agent's folder; in evaluation mode, on the CPU.

    Raises UserError where it was not exported in the form ``culture_sim``, or is damaged.
    """
    place = folder / OURS
    remedy = "export the agent again, in the form culture_sim"
    config = read_json(place / CONFIG, remedy)
    world = from_tree(World, config["world"])
    model = build_model(from_tree(ModelConfig, config["model"]), world, seed=0)
    try:
        model.load_state_dict(load_file(place / WEIGHTS))
    except (OSError, RuntimeError, safetensors.SafetensorError) as error:
        raise UserError(
            f"{place / WEIGHTS} cannot be read ({first_line(error)}); {remedy}"
        ) from None
    return model.eval().requires_grad_(False), world


def described(model: AgentModel, world: World) -> dict[str, Any]:
    """What other libraries have no names for, in JSON's types: the agent's options, its world's,
    and the names of token values."""
    return {"model": to_tree(model.config), "world": to_tree(world), "vocab": world.vocab}


def _transformers(model: AgentModel, world: World, folder: Path) -> None:
    other = model.to_transformers()
    other.config.architectures = [type(other).__name__]
    setattr(other.config, OURS, described(model, world))
    other.config.save_pretrained(folder)
    other.generation_config.save_pretrained(folder)
    _save(other.state_dict(), folder)


def _transformer_lens(model: AgentModel, world: World, folder: Path) -> None:
    parts = model.network_parts()
    sizes = {**parts.sizes(), "positional_embedding_type": "standard"}
    del sizes["device"]
    config = {"hooked_transformer": sizes, "final_norm": parts.ends_in_norm}
    _write(folder, {**config, OURS: described(model, world)})
    _save(hooked_weights(parts), folder)


def _culture_sim(model: AgentModel, world: World, folder: Path) -> None:
    _write(folder, described(model, world))
    _save(model.state_dict(), folder)


FORMS: dict[str, Callable[[AgentModel, World, Path], None]] = {
    "transformers": _transformers,
    "transformer_lens": _transformer_lens,
    OURS: _culture_sim,
}
"""By name, what writes an agent into a folder so that a library opens it."""


def _write(folder: Path, config: dict[str, Any]) -> None:
    (folder / CONFIG).write_text(json_text(config, indent=2) + "\n", "utf-8")


def _save(weights: dict[str, Tensor], folder: Path) -> None:
    # Copies: several tensors may be views of one, which the format does not hold.
    whole = {name: value.detach().clone().contiguous() for name, value in weights.items()}
    save_file(whole, folder / WEIGHTS, metadata={"format": "pt"})
    let_umask_decide(folder / WEIGHTS)
