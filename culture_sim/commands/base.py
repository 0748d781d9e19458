"""What commands have in common: where runs are, plugins, and how a result is told."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import tyro
from rich.console import Console, RenderableType

from culture_sim.commands import Command
from culture_sim.commands.parsing import parse_options
from culture_sim.launch.progress import progress
from culture_sim.run.places import run_path
from culture_sim.run.reporting import Report
from culture_sim.run.run import Run

if TYPE_CHECKING:
    from culture_sim.features.comparisons import Compared


@dataclass(frozen=True, kw_only=True)
class Plugins:
    """Modules from outside the package; they are imported before any other option is read."""

    plugin: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """Module to import first, which registers tasks, rules, worlds and the like; may be given
    several times. A run keeps the names of its plugins."""


@dataclass(frozen=True, kw_only=True)
class OptionsCommand(Plugins, Command):
    """A command whose options stand by themselves."""

    @classmethod
    def parse(cls, arguments: Sequence[str], prog: str, about: str) -> Self:
        """The command that the arguments ask for."""
        return parse_options(cls.default(), arguments, prog, about)

    @classmethod
    def default(cls) -> Self:
        """The command without arguments; what it cannot do without is tyro.MISSING."""
        needed = [f for f in fields(cls) if f.default is f.default_factory is MISSING]
        return cls(**{f.name: tyro.MISSING for f in needed})


@dataclass(frozen=True, kw_only=True)
class RunCommand(OptionsCommand):
    """A command on a run that is there."""

    run: str = "compact"
    """The run to look at."""
    runs: Path = Path("runs")
    """Folder that holds runs."""

    def open_run(self) -> Run:
        """The run; raises UserError when there is none."""
        return Run.open(run_path(self.runs, self.run))


class Findings(NamedTuple):
    """What a command shows, and where it wrote the rest."""

    shown: Iterable[RenderableType]
    written: str


@dataclass(frozen=True, kw_only=True)
class FindingCommand(RunCommand):
    """A command that finds something out about a run and writes it beside the run's files."""

    @abstractmethod
    def find(self, report: Report) -> Findings:
        """Do the work, with other commands kept off the run."""

    def execute(self, console: Console) -> int:
        """Find it out and show it."""
        with progress(console) as report:
            findings = self.find(report)
        for shown in findings.shown:
            console.print(shown, highlight=False)
        console.print(f"written: {findings.written}", soft_wrap=True, highlight=False)
        return 0


@dataclass(frozen=True, kw_only=True)
class ComparisonCommand(FindingCommand):
    """A command on a finished comparison of a run's features."""

    run: str = "compact"
    """The run to look at; its features must have been compared."""
    site: str | None = None
    """Where; the first compared site by default."""
    dictionary: str | None = None
    """Of which SAEs, such as batch_topk-512; the first by default."""

    @contextmanager
    def opened(self) -> Iterator[Compared]:
        """The comparison, with other commands kept off its run: tables are written beside it.

        Raises UserError when the run has none there, and when another command is at work on it.
        """
        run = self.open_run()
        from culture_sim.features.comparisons import open_compared  # loads sae_lens
        from sae.files import refuse_blocked

        with Run.lock(run.path):
            compared = open_compared(run, self.site, self.dictionary)
            refuse_blocked(compared.folder)
            yield compared

    def as_dict(self) -> dict[str, Any]:
        """All options that the findings depend on, for JSON."""
        options = {**asdict(self), "runs": str(self.runs)}
        del options["plugin"]
        return options
