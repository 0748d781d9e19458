"""The configuration of a run: the options of every stage, typed, checked, saved with the run."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from agents.config import ModelConfig, TrainConfig
from culture_sim.culture.config import CultureConfig
from sae.config import SAEConfig
from world.core.errors import UserError
from world.core.world import World, worlds
from world.grids.world import GridsWorld

T = TypeVar("T")


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides what a run computes."""

    seed: int = 0
    """Root seed; every random stream of the run is derived from it by hashing."""
    agents: int = 5
    """Agents in the population."""
    rounds: int = 1
    """Culture rounds that ``culture`` runs."""
    world: GridsWorld = field(default_factory=GridsWorld)
    """Where quizzes come from."""
    model: ModelConfig = field(default_factory=ModelConfig)
    """Each agent's network."""
    train: TrainConfig = field(default_factory=TrainConfig)
    """How agents learn."""
    culture: CultureConfig = field(default_factory=CultureConfig)
    """How quizzes are proposed and kept."""
    sae: SAEConfig = field(default_factory=SAEConfig)
    """How features are found and compared."""

    def __post_init__(self) -> None:
        if self.agents < 2:
            raise UserError(f"agents must be at least 2, got {self.agents}")
        if self.rounds < 0:
            raise UserError(f"rounds must not be negative, got {self.rounds}")


def config_to_dict(config: RunConfig) -> dict[str, Any]:
    """Plain types, ready for JSON; the world carries its registered name."""
    tree = dataclasses.asdict(config)
    tree["world"] = {"name": config.world.name, **tree["world"]}
    return tree


def config_from_dict(tree: Any) -> RunConfig:
    """Inverse of config_to_dict; raises UserError on an unknown key or an impossible value."""
    return _build(RunConfig, tree, "")


def read_config(path: Path) -> RunConfig:
    """The configuration in a JSON file."""
    try:
        tree = json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"no configuration file at {path}") from None
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(tree, dict):
        raise UserError(f"{path} must hold a JSON object of options")
    return config_from_dict(tree.get("config", tree))


def _build(kind: type[T], tree: Any, name: str) -> T:
    """A dataclass of options from JSON's types; name: the option it is itself, "" for a run."""
    tree = _object(tree, name)
    hints = get_type_hints(kind)
    known = sorted(f.name for f in dataclasses.fields(kind))  # type: ignore[arg-type]
    prefix = f"{name}." if name else ""
    unknown = [key for key in tree if key not in known]
    if unknown:
        raise UserError(f"unknown option {prefix}{unknown[0]}; known here: {', '.join(known)}")
    return kind(**{key: _checked(value, hints[key], prefix + key) for key, value in tree.items()})


def _build_world(tree: Any, name: str) -> World:
    """The world of the kind that its "name" says."""
    tree = _object(tree, name)
    kind = _checked(tree.pop("name", GridsWorld.name), str, f"{name}.name")
    return _build(worlds[kind], tree, name)


def _object(tree: Any, name: str) -> dict[str, Any]:
    """A copy of what must be a JSON object."""
    if not isinstance(tree, dict):
        raise _refusal(name or "config", "an object of options", tree)
    return dict(tree)


def _checked(value: Any, hint: Any, name: str) -> Any:
    """An option's value, once it is what its type hint says; lists become tuples."""
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _build_world(value, name) if issubclass(hint, World) else _build(hint, value, name)
    kind, inner = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        (other,) = (choice for choice in inner if choice is not NoneType)
        return None if value is None else _checked(value, other, name)
    if kind is tuple:
        if not isinstance(value, list | tuple):
            raise _refusal(name, "a list", value)
        return tuple(_checked(item, inner[0], f"{name}[{i}]") for i, item in enumerate(value))
    if kind is dict:
        items = _object(value, name).items()
        return {key: _checked(item, inner[1], f"{name}.{key}") for key, item in items}
    if kind is Literal:
        if value not in inner:
            raise _refusal(name, f"one of {', '.join(map(str, inner))}", value)
        return value
    words, fits = PLAIN[hint]
    if not fits(value):
        raise _refusal(name, words, value)
    return value


def _is_number(value: Any, *kinds: type) -> bool:
    """True for a finite number of these kinds; a bool, which Python counts as one, is none."""
    plain = isinstance(value, kinds) and not isinstance(value, bool)
    return plain and abs(value) <= sys.float_info.max


PLAIN: dict[Any, tuple[str, Callable[[Any], bool]]] = {
    int: ("a whole number", lambda value: _is_number(value, int)),
    float: ("a finite number", lambda value: _is_number(value, int, float)),
    bool: ("true or false", lambda value: isinstance(value, bool)),
    str: ("a string", lambda value: isinstance(value, str)),
}
"""What a value of each plain type is called, and the test that it is one."""


def _refusal(name: str, words: str, value: Any) -> UserError:
    return UserError(f"option {name} must be {words}, got {value!r}")
