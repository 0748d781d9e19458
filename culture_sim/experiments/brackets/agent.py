"""A trained agent: one network on one set of strings, examined as it learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.checkpoint import read_model
from agents.config import ModelConfig, TrainConfig
from agents.divergence import DivergenceError
from agents.model import AgentModel, build_model
from agents.precision import make_accelerator
from agents.scoring import score
from agents.training import Learner, mixed_draw
from culture_sim.experiments.brackets.exam import EQUAL, Exam, as_asked, examined
from culture_sim.experiments.units import Place, Unit
from culture_sim.population.exams import Exams
from culture_sim.run.config import RunConfig
from culture_sim.run.state import AgentState
from sae.files import read_arrays, write_arrays
from world import Stream
from world.brackets import BracketsWorld
from world.core.files import read_json, write_json

ROOT = 0
"""Of all streams: agents of all settings learn from the same strings in the same order, and agents
of a setting differ in their initial weights, and in which strings they read or write which way."""
CHECKPOINT, MEASURES, ANSWERS, CURVE = "agent", "measures.json", "answers.npz", "curve.json"
AGAIN = "remove its folder and run the experiment again"


@dataclass(frozen=True, kw_only=True)
class Agent(Unit):
    """An agent of one setting and seed."""

    world: BracketsWorld
    model: ModelConfig
    train: TrainConfig
    exam: Exam
    seed: int

    @property
    def setting(self) -> str:
        """What it shares with agents of other seeds, as in ``q0.01-layers2-wd0-length40``."""
        world = self.world
        words = [
            f"q{world.equal_count_share:g}",
            f"layers{self.model.n_layers}",
            f"wd{self.train.weight_decay:g}",
            f"length{world.length}",
            *["one_way"] * (not world.backwards),
            *[f"scratch_{world.scratch}"] * (world.scratch != "none"),
        ]
        return "-".join(words)

    @property
    def name(self) -> str:
        return f"agents/{self.setting}-seed{self.seed}"

    @property
    def config(self) -> RunConfig:
        """Options of a run that such an agent could be of."""
        return RunConfig(seed=ROOT, world=self.world, model=self.model, train=self.train)

    def make(self, folder: Path, place: Place) -> Sequence[str]:
        """The checkpoint, its accuracy in distribution, and what it says of the exam."""
        try:
            learner, state = self._learn(folder)
        except DivergenceError as error:
            write_json(folder / MEASURES, {"diverged": str(error)})
            return [MEASURES]
        assert state.final_test is not None
        curve = read_json(folder / CURVE, AGAIN)
        measures = {"diverged": None, "test": state.final_test.as_dict(), "curve": curve}
        write_json(folder / MEASURES, measures)
        answers = examined(learner.averaged, self.world, self.exam.all)
        write_arrays(folder / ANSWERS, **answers)
        return [MEASURES, ANSWERS, f"{CHECKPOINT}/model.safetensors"]

    def _learn(self, folder: Path) -> tuple[Learner, AgentState]:
        """All strings of the budget, whatever the accuracy."""
        exams = Exams(self.config, 0, None)
        accelerator = make_accelerator(self.train)
        stream = Stream(ROOT, "", agent=self.seed)
        learner = Learner(self.model, self.train, self.world, stream, accelerator)
        saved = learner.load(folder / CHECKPOINT)
        state = AgentState.from_json(saved) if saved else AgentState(0)
        draw = mixed_draw(self.world, Stream(ROOT, ""))
        curve = read_json(folder / CURVE, AGAIN) if saved else {}
        equal = as_asked(self.world, self.exam.parts[EQUAL])
        while learner.quizzes < self.train.max_quizzes:
            accuracy = state.validation.accuracy if state.validation else 0.0
            for _ in learner.train_epoch(draw, accuracy):
                pass
            state = exams.after_epoch(learner, state)
            right = score(learner.averaged, self.world, equal).correct
            curve[str(learner.quizzes)] = float(right.mean())
            write_json(folder / CURVE, curve)
            learner.save(folder / CHECKPOINT, state.to_json())
        return learner, state


@dataclass(frozen=True)
class Made:
    """What an agent left.

    accuracy, correct, total: in distribution. curve: accuracy on unbalanced strings with equal
    counts by strings learned from. logits, first_wrong: [strings of the exam], see ``examined``.
    """

    agent: Agent
    accuracy: float
    correct: int
    total: int
    curve: dict[int, float]
    logits: NDArray[np.float32]
    first_wrong: NDArray[np.int64]


def read_agent(place: Place, agent: Agent) -> Made | None:
    """What a made agent left; None for one that diverged."""
    folder = place.of(agent)
    measures: dict[str, Any] = read_json(folder / MEASURES, AGAIN)
    if measures["diverged"] is not None:
        return None
    test = measures["test"]
    answers = read_arrays(folder / ANSWERS, ["logits", "first_wrong"], AGAIN)
    return Made(
        agent=agent,
        accuracy=test["accuracy"],
        correct=test["correct"],
        total=test["total"],
        curve={int(quizzes): value for quizzes, value in measures["curve"].items()},
        **answers,
    )


def load_agent(place: Place, agent: Agent) -> AgentModel:
    """The network of a made agent, in evaluation mode."""
    model = build_model(agent.model, agent.world, seed=0)
    model.load_state_dict(read_model(place.of(agent) / CHECKPOINT))
    return model.eval().requires_grad_(False)
