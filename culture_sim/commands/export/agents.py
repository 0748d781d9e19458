"""Write a run's agents as transformers, TransformerLens and culture-sim open them, and a card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import tyro

from culture_sim.commands import export
from culture_sim.commands.base import Plugins
from culture_sim.commands.export import Material
from culture_sim.commands.parsing import parse_options
from culture_sim.run.places import run_path
from culture_sim.run.run import Run
from world.core.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, kw_only=True)
class OfRun(Plugins, export.Export):
    """An export from a run."""

    run: str = "compact"
    """The run to export from."""
    runs: Path = Path("runs")
    """Folder that holds runs."""
    agents: tuple[int, ...] = ()
    """Numbers of the agents; all by default."""

    @classmethod
    def read(cls, arguments: Sequence[str], prog: str, about: str) -> Self:
        """The command that the arguments ask for."""
        return parse_options(cls(out=tyro.MISSING), arguments, prog, about)

    def open_run(self) -> tuple[Run, list[int]]:
        """The run, and the numbers of the agents that are asked for."""
        run = Run.open(run_path(self.runs, self.run))
        numbers = sorted(set(self.agents or run.agents))
        for number in numbers:
            if number not in run.agents:
                raise UserError(f"{run.path} has agents 0 to {run.config.agents - 1}, not {number}")
            run.load_agent(number)  # raises for one that is not trained, or damaged
        return run, numbers


@dataclass(frozen=True, kw_only=True)
class ExportAgents(OfRun):
    """Everything that a command line can say."""

    forms: tuple[str, ...] = ("transformers", "transformer_lens", "culture_sim")
    """For which libraries."""

    def material(self, console: Console) -> Material:
        """The agents that the options ask for, all of which can be had."""
        from agents.export import FORMS
        from culture_sim.export.agents import AgentsExport

        run, numbers = self.open_run()
        forms = [form for form in FORMS if form in self.forms]
        if unknown := [form for form in self.forms if form not in FORMS]:
            raise UserError(f"unknown form {unknown[0]!r}; known: {', '.join(FORMS)}")
        if not forms:
            raise UserError(f"--forms must name some of: {', '.join(FORMS)}")
        asked = AgentsExport(run, numbers, forms)
        return Material(asked.record(), asked.write)


Kind = ExportAgents
