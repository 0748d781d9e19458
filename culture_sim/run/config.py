"""The configuration of a run: the options of every stage, typed, checked, saved with the run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents.config import ModelConfig, TrainConfig
from culture_sim.culture.config import CultureConfig
from sae.config import SAEConfig
from world.core.errors import UserError
from world.core.files import read_json
from world.core.options import from_tree, to_tree
from world.core.plugins import load_plugins
from world.core.quiz import QuizWorld
from world.core.world import World
from world.grids.world import GridsWorld

VERSION = 2
"""To be raised when options or files of a run change their names or their meaning: a run of another
version is refused, since it could not be continued by this code without being misread."""


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides what a run computes."""

    seed: int = 0
    """Root seed; every random stream of the run is derived from it by hashing."""
    agents: int = 5
    """Agents in the population."""
    rounds: int = 1
    """Culture rounds that ``culture`` runs."""
    world: World = field(default_factory=GridsWorld)
    """Where quizzes come from."""
    model: ModelConfig = field(default_factory=ModelConfig)
    """Each agent's network."""
    train: TrainConfig = field(default_factory=TrainConfig)
    """How agents learn."""
    culture: CultureConfig = field(default_factory=CultureConfig)
    """How quizzes are proposed and kept."""
    sae: SAEConfig = field(default_factory=SAEConfig)
    """How features are found and compared."""
    compare_on_culture: bool = True
    """Compare features on culture's test quizzes as well, where there is culture; a study does not,
    so that agents before and after culture are compared on the same quizzes."""

    def __post_init__(self) -> None:
        if self.agents < 2:
            raise UserError(f"agents must be at least 2, got {self.agents}")
        if self.rounds < 0:
            raise UserError(f"rounds must not be negative, got {self.rounds}")

    @property
    def quiz_world(self) -> QuizWorld:
        """The world, which culture needs quizzes of. Raises UserError where it has none."""
        if not isinstance(self.world, QuizWorld):
            raise UserError(f"culture needs quizzes, which the world {self.world.name!r} has not")
        return self.world


def config_to_dict(config: RunConfig) -> dict[str, Any]:
    """Plain types, ready for JSON; the world, the rule and the like carry their names."""
    tree: dict[str, Any] = to_tree(config)
    return tree


def config_from_dict(tree: Any) -> RunConfig:
    """Inverse of config_to_dict; raises UserError on an unknown key or an impossible value."""
    config: RunConfig = from_tree(RunConfig, tree)
    return config


def read_config(path: Path) -> RunConfig:
    """The configuration in a JSON file: options by themselves, or a run's config.json."""
    tree = read_json(path, "give --config a JSON file that holds an object of options")
    if "config" not in tree:
        return config_from_dict(tree)
    refuse_other_version(path, tree)
    load_plugins(tree.get("plugins", ()))
    return config_from_dict(tree["config"])


def refuse_other_version(path: Path, saved: dict[str, Any]) -> None:
    """Raise UserError for a config.json, as it was read, that other code wrote."""
    version = saved.get("version", 0)
    if version != VERSION:
        raise UserError(
            f"{path} is of version {version} of runs, and version {VERSION} is read here; use the "
            f"release of culture-sim that made it, or make the run again under another name"
        )
