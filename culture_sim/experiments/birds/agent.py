"""A trained agent, a unit of its own, so that those of all populations are made side by side."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agents.checkpoint import MODEL, STATE, read_model, read_state
from agents.config import ModelConfig, TrainConfig
from agents.divergence import DivergenceError
from agents.model import AgentModel, build_model
from agents.precision import make_accelerator
from agents.training import Learner, mixed_draw
from culture_sim.experiments.units import Place, Unit
from culture_sim.population.exams import Exams
from culture_sim.presets import presets
from culture_sim.run.config import RunConfig
from culture_sim.run.state import AgentState
from world import Stream
from world.birds import BirdsWorld
from world.core.errors import UserError

CHECKPOINT = "agent"
AGAIN = "remove its folder and run the experiment again"


@dataclass(frozen=True, kw_only=True)
class Agent(Unit):
    """Agent ``number`` of the population of a seed: the one that a run of that seed trains."""

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
        """Options of a run that such an agent could be of."""
        base = presets["birds"]()
        return replace(base, seed=self.seed, world=self.world, model=self.model, train=self.train)

    def make(self, folder: Path, place: Place) -> Sequence[str]:
        """The checkpoint, at the target or out of its budget of quizzes."""
        path = folder / CHECKPOINT
        exams, stream = Exams(self.config, 0, None), Stream(self.seed, "", agent=self.number)
        learner = Learner(self.model, self.train, self.world, stream, make_accelerator(self.train))
        saved = learner.load(path)
        state = AgentState.from_json(saved) if saved else AgentState(self.number)
        draw = mixed_draw(self.world, stream)
        while not state.reached and learner.quizzes < self.train.max_quizzes:
            began = time.process_time()
            accuracy = state.validation.accuracy if state.validation else 0.0
            try:
                for _ in learner.train_epoch(draw, accuracy):
                    pass
                state = exams.after_epoch(learner, state)
            except DivergenceError as error:
                raise UserError(f"{self.name} diverged: {error}; try another --width") from None
            spent = state.seconds + time.process_time() - began
            state = replace(state, seconds=round(spent, 1))
            learner.save(path, state.to_json())
        return [f"{CHECKPOINT}/{name}" for name in (MODEL, STATE)]


def load_agent(place: Place, agent: Agent) -> AgentModel:
    """The network of a made agent, in evaluation mode."""
    model = build_model(agent.model, agent.world, seed=0)
    model.load_state_dict(read_model(place.of(agent) / CHECKPOINT))
    return model.eval().requires_grad_(False)


def state_of(place: Place, agent: Agent) -> AgentState:
    """How the training of a made agent ended; its seconds are of the processor."""
    path = place.of(agent) / CHECKPOINT
    tree = read_state(path)
    if tree is None:
        raise UserError(f"{path} has no checkpoint; {AGAIN}")
    return AgentState.from_json(tree)
