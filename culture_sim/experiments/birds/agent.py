"""A trained agent: a run of its own with one agent in it, so that all can be made side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agents.checkpoint import STATE, read_model, read_state
from agents.config import ModelConfig, TrainConfig
from agents.model import AgentModel, build_model
from culture_sim.experiments.runs import open_run, train
from culture_sim.experiments.units import Place, Unit
from culture_sim.presets import presets
from culture_sim.run.config import RunConfig
from culture_sim.run.state import AgentState
from world import Stream
from world.birds import BirdsWorld
from world.core.errors import UserError

CHECKPOINT = "run/agents/0"
AGAIN = "remove its folder and run the experiment again"
ROOTS = 1 << 31
"""Root seeds are below this."""


@dataclass(frozen=True, kw_only=True)
class Agent(Unit):
    """Agent ``number`` of the population of a seed."""

    world: BirdsWorld
    model: ModelConfig
    train: TrainConfig
    seed: int
    number: int

    @property
    def name(self) -> str:
        return f"agents/seed{self.seed}-agent{self.number}"

    @property
    def config(self) -> RunConfig:
        """Options of its run."""
        root = Stream(self.seed, "birds-agent", self.number).seed() % ROOTS
        base = presets["birds"]()
        return replace(
            base, seed=root, agents=1, world=self.world, model=self.model, train=self.train
        )

    def make(self, folder: Path, place: Place) -> Sequence[str]:
        """The run, with its agent at the target or out of its budget."""
        train(open_run(folder / "run", self.config))
        return [f"{CHECKPOINT}/model.safetensors", f"{CHECKPOINT}/{STATE}"]


def load_agent(place: Place, agent: Agent) -> AgentModel:
    """The network of a made agent, in evaluation mode."""
    model = build_model(agent.model, agent.world, seed=0)
    model.load_state_dict(read_model(place.of(agent) / CHECKPOINT))
    return model.eval().requires_grad_(False)


def state_of(place: Place, agent: Agent) -> AgentState:
    """How the training of a made agent ended."""
    path = place.of(agent) / CHECKPOINT
    tree = read_state(path)
    if tree is None:
        raise UserError(f"{path} has no checkpoint; {AGAIN}")
    return AgentState.from_json(tree)
