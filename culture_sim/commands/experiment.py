"""Answer a question by an experiment: agents trained for it, what they do, and a verdict."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import tyro
from rich.console import Console
from rich.table import Table

from culture_sim.commands import Command, commands
from culture_sim.commands.base import Plugins
from culture_sim.commands.parsing import parse_known, parse_options
from culture_sim.experiments import experiments
from culture_sim.experiments.base import Experiment
from culture_sim.experiments.findings import Verdict
from culture_sim.experiments.units import Place
from culture_sim.launch.place import alone_command
from culture_sim.launch.processes import launched_outside
from culture_sim.run.environment import environment
from culture_sim.run.places import run_path
from culture_sim.run.run import Run
from sae.artifacts import FILES, plain
from sae.files import write_parquet
from world.core.errors import UserError
from world.core.files import hashes_of, read_json, write_json
from world.core.names import refuse_unreadable
from world.core.options import to_tree
from world.core.plugins import named_plugins

OPTIONS, RESULTS, SUMMARY = "experiment.json", "results.parquet", "summary.json"
"""What is written, in the folder of the experiment, beside its units and its page."""


@dataclass(frozen=True, kw_only=True)
class Size(Plugins):
    """How much is done; read before the other options, whose defaults depend on it."""

    quick: bool = False
    """A small one that takes a minute and shows no more than that it works."""


@commands.register("experiment")
@dataclass(frozen=True, kw_only=True)
class RunExperiment(Size, Command):
    """An experiment by its name, and where it is done."""

    minds_launchers: ClassVar[bool] = True

    kind: str
    """Name of the experiment, the first word."""
    name: str | None = None
    """Folder under --runs; by default the experiment's name after "experiment-"."""
    runs: Path = Path("runs")
    """Folder that holds runs and experiments."""
    processes: int | None = None
    """Worker processes on this machine; by default one a GPU, or one a core that may be used."""
    options: Annotated[Experiment, tyro.conf.arg(name="")]

    @classmethod
    def parse(cls, arguments: Sequence[str], prog: str, about: str) -> Self:
        """The command; its first word names the experiment."""
        if not arguments or arguments[0].startswith("-"):
            if {"-h", "--help"} & {*arguments}:
                print(_overview(prog, about))
                raise SystemExit(0)
            raise UserError(f"say which experiment; known: {', '.join(experiments)}")
        kind, *rest = arguments
        experiment = experiments[kind]
        options = experiment.quick() if parse_known(Size, rest).quick else experiment()
        default = cls(kind=kind, options=options)
        return parse_options(default, rest, f"{prog} {kind}", experiment.question, fixed=("kind",))

    def __post_init__(self) -> None:
        if self.name is not None:
            refuse_unreadable("--name", Path(self.name))
        run_path(self.runs, self.folder_name, "--name")
        if self.processes is not None and self.processes < 1:
            raise UserError(f"processes must be at least 1, got {self.processes}")

    @property
    def folder_name(self) -> str:
        """The folder's name."""
        return f"experiment-{self.kind}" if self.name is None else self.name

    def execute(self, console: Console) -> int:
        """Make what is missing, then say what it all comes to."""
        if launched_outside():
            raise UserError(
                f"an experiment starts its own processes; run it without a launcher: "
                f"{alone_command(os.environ)}"
            )
        folder = self.runs / self.folder_name
        self._refuse_another(folder)
        with Run.lock(folder):
            made = self._begin(folder)
            place = Place(folder / "units")
            from culture_sim.experiments.work import make_missing  # loads torch

            for units in self.options.batches(place):
                make_missing(folder, place, units, self.processes, console)
            self._tell(folder, place, made, console)
        return 0

    def _refuse_another(self, folder: Path) -> None:
        if (folder / "config.json").exists():
            raise UserError(f"{folder} is a run; give the experiment a --name of its own")
        path = folder / OPTIONS
        if path.exists() and read_json(path, "remove it").get("experiment") != self.kind:
            raise UserError(f"{folder} holds another experiment; give this one a --name of its own")

    def _begin(self, folder: Path) -> dict[str, Any]:
        """Write down what is asked for, and where."""
        made = {
            "experiment": self.kind,
            "quick": self.quick,
            "options": plain(to_tree(self.options)),
            "plugins": named_plugins(),
            "environment": environment(),
        }
        write_json(folder / OPTIONS, made)
        return made

    def _tell(self, folder: Path, place: Place, made: dict[str, Any], console: Console) -> None:
        """Results, summary and page, and the verdicts on the console."""
        from culture_sim.experiments.page import write_page  # takes a second to load

        findings = self.options.findings(place)
        write_parquet(folder / RESULTS, findings.table)
        summary = {
            **made,
            "verdicts": to_tree(list(findings.verdicts)),
            "found": findings.summary,
            FILES: hashes_of(folder, [RESULTS]),
        }
        write_json(folder / SUMMARY, summary)
        page = write_page(folder, self.kind, self.options, findings, made)
        console.print(_table(findings.verdicts))
        if self.quick:
            console.print("made with --quick: it works, and the verdicts mean nothing")
        written = f"written: {page}, {folder / SUMMARY}, {RESULTS}"
        console.print(written, highlight=False, soft_wrap=True)


def _table(verdicts: Sequence[Verdict]) -> Table:
    table = Table("claim", "verdict", "because")
    for verdict in verdicts:
        table.add_row(verdict.claim, verdict.answer, verdict.because)
    return table


def _overview(prog: str, about: str) -> str:
    lines = [f"  {name:12} {experiments[name].question}" for name in experiments]
    options = f"  {prog} NAME --help lists every option; --plugin MODULE brings other experiments."
    return "\n".join([f"usage: {prog} NAME [options]", "", about, "", *lines, "", options])
