"""An agent of a population whose agents train on different cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agents.checkpoint import MODEL, STATE
from agents.config import ModelConfig, TrainConfig
from agents.divergence import DivergenceError
from agents.model import AgentModel
from agents.precision import make_accelerator
from agents.scoring import score
from agents.training import Draw, Learner
from culture_sim.experiments.aliases.agent import AGAIN, CHECKPOINT
from culture_sim.experiments.aliases.apart import POOLED, Allotment
from culture_sim.experiments.units import Place, Unit
from world import Stream
from world.aliases.options import NUMBERS, TASKS
from world.core.errors import UserError
from world.core.files import read_json, write_json

ANSWERS = "answers.json"


@dataclass(frozen=True, kw_only=True)
class Member(Unit):
    """One agent, for as many steps as its train says. cells: of each kind that it is asked."""

    allotment: Allotment
    model: ModelConfig
    train: TrainConfig
    seed: int
    number: int
    cells: int

    @property
    def name(self) -> str:
        shares = f"f{self.allotment.missing:g}-owners{self.allotment.owners}"
        number = "pooled" if self.number == POOLED else f"agent{self.number}"
        return f"members/{shares}-seed{self.seed}-{number}"

    def learner(self, train: TrainConfig) -> Learner:
        """As it begins, to be trained so."""
        stream = Stream(self.seed, "aliases-member", agent=self.number)
        world = self.allotment.world
        return Learner(self.model, train, world, stream, make_accelerator(train))

    def make(self, folder: Path, place: Place) -> Sequence[str]:
        """Its checkpoint, and what it answers."""
        learner = self.learner(self.train)
        learner.load(folder / CHECKPOINT)
        while learner.quizzes < self.train.max_quizzes:
            learn(learner, self.allotment.draw(self.number, learner.stream), self.name)
            learner.save(folder / CHECKPOINT, {})
        found = asked(learner.averaged, self.allotment, self.number, self.cells)
        write_json(folder / ANSWERS, found)
        return [ANSWERS, *(f"{CHECKPOINT}/{name}" for name in (MODEL, STATE))]


def learn(learner: Learner, draw: Draw, name: str) -> None:
    """An epoch; raises UserError where the agent diverges."""
    try:
        for _ in learner.train_epoch(draw):
            pass
    except DivergenceError as error:
        raise UserError(f"{name} diverged: {error}; lower --weight-decay") from None


def asked(model: AgentModel, allotment: Allotment, number: int, cells: int) -> dict[str, list[int]]:
    """By kind of the cells that an agent does not train on, right answers and cells asked, at most
    ``cells`` of each."""
    found = {}
    for kind, of_kind in allotment.cells(number).items():
        rng = np.random.default_rng(allotment.world.drawing)
        rows = allotment.world.rows(TASKS[NUMBERS], rng.permutation(of_kind)[:cells])
        right = score(model, allotment.world, rows, 1024).correct
        found[kind] = [int(right.sum()), len(right)]
    return found


def read_answers(place: Place, member: Member) -> dict[str, list[int]]:
    """What a made agent answers, as ``asked``."""
    return dict(read_json(place.of(member) / ANSWERS, AGAIN))
