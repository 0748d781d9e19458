"""A trained agent: one network on the rows of one arm, examined as it learns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from agents.checkpoint import MODEL, STATE, read_model
from agents.config import ModelConfig, TrainConfig
from agents.divergence import DivergenceError
from agents.model import AgentModel, build_model
from agents.precision import make_accelerator
from agents.training import Learner, mixed_draw
from culture_sim.experiments.aliases.exam import (
    NEITHER,
    OTHER,
    Exam,
    alignment,
    examined,
    whole_table,
)
from culture_sim.experiments.aliases.inside import look_inside, spectra, spectrum_names
from culture_sim.experiments.units import Place, Unit
from sae.files import read_arrays, write_arrays
from world import Stream
from world.aliases import AliasesWorld
from world.aliases.options import NUMBERS, TASKS
from world.core.errors import UserError
from world.core.files import read_json, write_json

CHECKPOINT, CURVE, PICTURE, SPECTRA = "agent", "curve.json", "picture.npz", "spectra.npz"
AGAIN = "remove its folder and run the experiment again"


@dataclass(frozen=True, kw_only=True)
class Agent(Unit):
    """A network of an arm, at a share held out and a seed; which cells are held out goes by the
    seed, and is the same in every arm.

    train.max_quizzes: its budget. enough: share of held-out numbers that ends training before it.
    cells: of each kind that it is asked.
    """

    arm: str
    world: AliasesWorld
    model: ModelConfig
    train: TrainConfig
    seed: int
    enough: float
    cells: int
    version: ClassVar[int] = 2

    @property
    def name(self) -> str:
        share = f"{self.world.held_out[0]:g}"
        return f"agents/{self.arm.replace(', ', '-').replace(' ', '-')}-f{share}-seed{self.seed}"

    def make(self, folder: Path, place: Place) -> Sequence[str]:
        """What it answered and held after every epoch; in the end, of the whole table, and the
        spectra of its embeddings."""
        stream = Stream(self.seed, "aliases", agent=self.seed)
        learner = Learner(self.model, self.train, self.world, stream, make_accelerator(self.train))
        saved = learner.load(folder / CHECKPOINT)
        curve: list[dict[str, Any]] = saved["curve"] if saved else []
        while learner.quizzes < self.train.max_quizzes and not self._ended(curve):
            curve.append(self._epoch(learner))
            learner.save(folder / CHECKPOINT, {"curve": curve})
        write_json(folder / CURVE, {"curve": curve})
        write_arrays(folder / PICTURE, picture=whole_table(learner.averaged, self.world))
        found = spectra(learner.averaged, self.world)
        write_arrays(folder / SPECTRA, spectra=np.stack([*found.values()]))
        return [CURVE, PICTURE, SPECTRA, *(f"{CHECKPOINT}/{name}" for name in (MODEL, STATE))]

    def _epoch(self, learner: Learner) -> dict[str, Any]:
        """A point of the curve."""
        try:
            for _ in learner.train_epoch(mixed_draw(self.world, learner.stream)):
                pass
        except DivergenceError as error:
            raise UserError(f"{self.name} diverged: {error}; lower --weight-decay") from None
        seen = self.world.draw(Stream(self.seed, "seen"), 0, self.cells, "train")
        exam = Exam(self.world, self.cells)
        held_out = np.concatenate([*exam.of(NUMBERS).values()])
        return {
            "steps": learner.steps,
            "trained": learner.evaluate(seen).accuracy,
            "held out": examined(learner.averaged, exam),
            "alignment": dict(alignment(learner.averaged, self.world)),
            **look_inside(learner.averaged, self.world, held_out),
        }

    def _ended(self, curve: Sequence[Mapping[str, Any]]) -> bool:
        return bool(curve) and accuracy(curve[-1]) >= self.enough


def load_agent(place: Place, agent: Agent) -> AgentModel:
    """The network of a made agent, in evaluation mode."""
    model = build_model(agent.model, agent.world, seed=0)
    model.load_state_dict(read_model(place.of(agent) / CHECKPOINT))
    return model.eval().requires_grad_(False)


def accuracy(point: Mapping[str, Any], evidence: Sequence[str] = ()) -> float:
    """Of a point of a curve: share of held-out numbers that are right, of all or some evidence.

    NaN where none is held out.
    """
    hits, total = counts(point, evidence)
    return hits / total if total else float("nan")


def counts(point: Mapping[str, Any], evidence: Sequence[str] = ()) -> tuple[int, int]:
    """Held-out numbers that are right, and those asked."""
    found = point["held out"][TASKS[NUMBERS]]
    chosen = [found[name] for name in evidence or (OTHER, NEITHER) if name in found]
    return sum(hits for hits, _ in chosen), sum(total for _, total in chosen)


def read_curve(place: Place, agent: Agent) -> list[dict[str, Any]]:
    """What a made agent answered, a point an epoch."""
    return list(read_json(place.of(agent) / CURVE, AGAIN)["curve"])


def read_picture(place: Place, agent: Agent) -> NDArray[np.int8]:
    """See ``whole_table``."""
    return read_arrays(place.of(agent) / PICTURE, ["picture"], AGAIN)["picture"]


def read_spectra(place: Place, agent: Agent) -> dict[str, NDArray[np.float64]]:
    """See ``spectra``."""
    found = read_arrays(place.of(agent) / SPECTRA, ["spectra"], AGAIN)["spectra"]
    return dict(zip(spectrum_names(agent.world), found, strict=True))
