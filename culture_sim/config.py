"""The configuration of a run: the options of every stage, typed, checked, saved with the run."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from agents.config import ModelConfig, TrainConfig
from culture_sim.culture_config import CultureConfig
from sae.config import SAEConfig
from world.base import worlds
from world.errors import UserError
from world.worlds.grids import GridsWorld

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


def config_from_dict(tree: dict[str, Any]) -> RunConfig:
    """Inverse of config_to_dict; raises UserError on an unknown key or a wrong type."""
    tree = dict(tree)
    world = dict(tree.pop("world", {}))
    kind = worlds[world.pop("name", GridsWorld.name)]
    return _build(RunConfig, tree, "", {"world": _build(kind, world, "world.", {})})


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


def _build(kind: type[T], tree: dict[str, Any], prefix: str, given: dict[str, Any]) -> T:
    hints = get_type_hints(kind)
    fields = {f.name for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(tree) - fields)
    if unknown:
        known = ", ".join(sorted(fields))
        raise UserError(f"unknown option {prefix}{unknown[0]!s}; known here: {known}")
    values = dict(given)
    for key, value in tree.items():
        hint = hints[key]
        if dataclasses.is_dataclass(hint) and isinstance(value, dict):
            values[key] = _build(hint, value, f"{prefix}{key}.", {})  # type: ignore[arg-type]
        elif isinstance(value, list):
            values[key] = tuple(value)
        else:
            values[key] = _checked(value, hint, prefix + key)
    return kind(**values)


def _checked(value: Any, hint: Any, name: str) -> Any:
    kinds: dict[Any, Any] = {int: int, float: (int, float), str: str, bool: bool}
    plain = kinds.get(hint)
    if plain and (not isinstance(value, plain) or (hint is not bool and isinstance(value, bool))):
        raise UserError(f"option {name} must be {hint.__name__}, got {value!r}")
    return value
