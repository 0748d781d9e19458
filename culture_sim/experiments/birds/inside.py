"""A look inside one agent as a unit of work: patching, and probes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from culture_sim.experiments.birds.agent import AGAIN, Agent, load_agent
from culture_sim.experiments.birds.patching import patching_rows
from culture_sim.experiments.birds.probing import probing_rows
from culture_sim.experiments.units import Place, Unit
from sae.files import read_parquet, write_parquet

PATCHED, PROBED = "patched.parquet", "probed.parquet"


@dataclass(frozen=True, kw_only=True)
class Inside(Unit):
    """patched: quizzes of which a bird's cells are patched. probed: quizzes that probes are fitted
    to. 0 leaves that out."""

    agent: Agent
    patched: int
    probed: int

    @property
    def name(self) -> str:
        return f"inside/seed{self.agent.seed}-agent{self.agent.number}"

    def make(self, folder: Path, place: Place) -> Sequence[str]:
        """A table of each that is not left out."""
        model, agent = load_agent(place, self.agent), self.agent
        made = []
        for name, count, rows in (
            (PATCHED, self.patched, patching_rows),
            (PROBED, self.probed, probing_rows),
        ):
            if count:
                write_parquet(
                    folder / name, pd.DataFrame(rows(model, agent.world, count, agent.seed))
                )
                made.append(name)
        return made


def read_inside(place: Place, unit: Inside) -> dict[str, pd.DataFrame]:
    """The tables of a made unit, by PATCHED and PROBED."""
    counts = {PATCHED: unit.patched, PROBED: unit.probed}
    folder = place.of(unit)
    return {name: read_parquet(folder / name, AGAIN) for name, count in counts.items() if count}
