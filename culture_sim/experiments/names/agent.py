"""A trained agent: one network on one rung of the ladder, to the target or the end of its budget,
and how it does on fresh quizzes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agents.checkpoint import MODEL, read_model
from agents.config import ModelConfig, TrainConfig
from agents.divergence import DivergenceError
from agents.model import AgentModel, build_model
from agents.precision import make_accelerator
from agents.training import Learner, mixed_draw, unseen_quizzes
from culture_sim.experiments.units import Place, Unit
from world import Stream
from world.core.errors import UserError
from world.core.files import read_json, write_json
from world.names import NamesWorld
from world.names.options import OF_TWO

CHECKPOINT, MEASURES = "agent", "measures.json"
AGAIN = "remove its folder and run the experiment again"
OTHER_CLAUSE, IO_AGAIN = "a clause about somebody else", "IO is named again"
"""Kinds of sentences that no agent learns from."""


@dataclass(frozen=True, kw_only=True)
class Agent(Unit):
    """A network of a rung, a depth and a seed. exam: quizzes of every exam."""

    rung: int
    world: NamesWorld
    model: ModelConfig
    train: TrainConfig
    seed: int
    exam: int

    @property
    def name(self) -> str:
        return f"agents/rung{self.rung}-layers{self.model.n_layers}-seed{self.seed}"

    def make(self, folder: Path, place: Place) -> Sequence[str]:
        """The checkpoint; accuracy after every epoch, and on fresh quizzes in the end."""
        stream = Stream(self.seed, "names", agent=self.seed)
        learner = Learner(self.model, self.train, self.world, stream, make_accelerator(self.train))
        saved = learner.load(folder / CHECKPOINT)
        course: list[dict[str, Any]] = saved["course"] if saved else []
        validation = self._quizzes("names-validation")
        draw = mixed_draw(self.world, stream)
        while not self._ended(course):
            accuracy = course[-1]["accuracy"] if course else 0.0
            try:
                for _ in learner.train_epoch(draw, accuracy):
                    pass
            except DivergenceError as error:
                raise UserError(f"{self.name} diverged: {error}; try another --width") from None
            found = learner.evaluate(validation).accuracy
            course.append({"quizzes": learner.quizzes, "accuracy": found})
            learner.save(folder / CHECKPOINT, {"course": course})
        write_json(folder / MEASURES, {"course": course, **self._examined(learner)})
        return [MEASURES, f"{CHECKPOINT}/{MODEL}"]

    def _ended(self, course: Sequence[Mapping[str, Any]]) -> bool:
        """Whether the target is reached or the budget spent."""
        if not course:
            return False
        last = course[-1]
        return last["accuracy"] >= self.train.target or last["quizzes"] >= self.train.max_quizzes

    def _quizzes(self, role: str, world: NamesWorld | None = None) -> Any:
        return unseen_quizzes(world or self.world, Stream(0, role), self.exam)

    def _examined(self, learner: Learner) -> dict[str, Any]:
        """Quizzes right and asked, by kind: of every task, fresh; of kinds that it never saw."""
        fresh = self._quizzes("names-exam")
        by_task = learner.evaluate(fresh).accuracy_by["task"]
        counts = {
            task: _counted(by_task.get(task, 0.0), int((fresh.task == number).sum()))
            for number, task in enumerate(self.world.tasks)
        }
        others = {OTHER_CLAUSE: self.world.other_scenes(), IO_AGAIN: self.world.held_out_world()}
        for kind, world in others.items():
            if world is not None:
                found = learner.evaluate(self._quizzes(f"names-{kind}", world), world)
                counts[kind] = [found.correct, found.total]
        seen = mixed_draw(self.world, learner.stream)(0, learner.quizzes)
        by_heart = self.world.by_heart(seen, fresh)
        return {"exam": counts, "by heart": [int(by_heart.sum()), len(fresh)]}


def _counted(share: float, total: int) -> list[int]:
    return [round(share * total) if total else 0, total]


@dataclass(frozen=True)
class Examined:
    """What an agent left. course: accuracy on held-out quizzes by quizzes learned from. exam: right
    answers and quizzes asked, by kind. by_heart: the same of a lookup of all that it learned from,
    on all fresh quizzes together."""

    course: Mapping[int, float]
    exam: Mapping[str, tuple[int, int]]
    by_heart: tuple[int, int]

    @property
    def of_two(self) -> tuple[int, int]:
        """Fresh sentences in which one of two gives: right, and asked."""
        counts = np.array([self.exam[task] for task in OF_TWO]).sum(axis=0)
        return int(counts[0]), int(counts[1])

    @property
    def accuracy(self) -> float:
        """On such sentences; NaN where a small exam has none."""
        hits, total = self.of_two
        return hits / total if total else float("nan")


def read_agent(place: Place, agent: Agent) -> Examined:
    """What a made agent left."""
    tree = read_json(place.of(agent) / MEASURES, AGAIN)
    return Examined(
        {point["quizzes"]: point["accuracy"] for point in tree["course"]},
        {kind: (hits, total) for kind, (hits, total) in tree["exam"].items()},
        (tree["by heart"][0], tree["by heart"][1]),
    )


def load_agent(place: Place, agent: Agent) -> AgentModel:
    """The network of a made agent, in evaluation mode."""
    model = build_model(agent.model, agent.world, seed=0)
    model.load_state_dict(read_model(place.of(agent) / CHECKPOINT))
    return model.eval().requires_grad_(False)
