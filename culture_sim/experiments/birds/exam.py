"""The exams of a population as a unit of work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from culture_sim.experiments.birds.accuracy import accuracy_table
from culture_sim.experiments.birds.agent import AGAIN, Agent, load_agent
from culture_sim.experiments.units import Place, Unit
from sae.files import read_parquet, write_parquet

FILE = "accuracy.parquet"


@dataclass(frozen=True, kw_only=True)
class Examined(Unit):
    """Exams of one population before any culture; quizzes: of each."""

    agents: tuple[Agent, ...]
    seed: int
    quizzes: int

    @property
    def name(self) -> str:
        return f"exams/seed{self.seed}"

    def make(self, folder: Path, place: Place) -> Sequence[str]:
        """``accuracy_table`` of all agents."""
        models = [load_agent(place, agent) for agent in self.agents]
        world = self.agents[0].world
        write_parquet(folder / FILE, accuracy_table(models, world, self.quizzes, self.seed))
        return [FILE]


def read_examined(place: Place, unit: Examined) -> pd.DataFrame:
    """The table of a made unit."""
    return read_parquet(place.of(unit) / FILE, AGAIN)
