"""Commands that bring a run further: where it is, and its options from the preset to the flags.

The options are those of the preset, or of the run where it is there already, or of a file; flags
override them. What is refused leaves no trace in the run's folder.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, ClassVar, Self

import tyro
from rich.console import Console

from culture_sim.commands import STAGES, Command, commands
from culture_sim.commands.base import Plugins
from culture_sim.commands.parsing import parse_known, parse_options
from culture_sim.launch.place import place_in
from culture_sim.presets import presets
from culture_sim.run.config import RunConfig, read_config
from culture_sim.run.places import new_run_path, run_path
from culture_sim.run.run import Run
from world.core.errors import UserError

DEFAULT_PRESET = "compact"
OF_WORK = ("config", "processes", "wandb")
"""Options that only a command that computes has a use for."""


@dataclass(frozen=True, kw_only=True)
class RunLocation(Plugins):
    """Where a run is, and what it starts from; read before its options, which depend on it."""

    preset: str | None = None
    """Preset to start from; "compact" when neither it nor the run says otherwise."""
    run: str | None = None
    """Name of the run, a folder under --runs; the preset's name by default."""
    runs: Path = Path("runs")
    """Folder that holds runs."""
    config: Path | None = None
    """JSON file of options, as saved in a run's config.json; flags override it."""

    @property
    def path(self) -> Path:
        """The run's folder."""
        name = self.run if self.run is not None else self.preset or DEFAULT_PRESET
        return run_path(self.runs, name)

    def start(self) -> tuple[RunConfig, str]:
        """The options before flags, and the preset that they came from.

        Raises UserError for a preset that is not known, or not that of the run.
        """
        if self.config is not None:
            return read_config(self.config), self.preset or DEFAULT_PRESET
        if (self.path / "config.json").exists():
            run = Run.open(self.path)
            if self.preset not in (None, run.preset):
                raise UserError(
                    f"run {self.path.name} was made with preset {run.preset!r}, not "
                    f"{self.preset!r}; choose another --run"
                )
            return run.config, run.preset
        preset = self.preset or DEFAULT_PRESET
        return presets[preset](), preset


@dataclass(frozen=True, kw_only=True)
class StageCommand(RunLocation, Command):
    """A command that does stages of a run."""

    minds_launchers: ClassVar[bool] = True
    starts_runs: ClassVar[bool] = False
    """Whether it makes a run where there is none."""
    takes: ClassVar[tuple[str, ...]] = ()
    """Options of a run that are of what it does; the help shows these, and others are refused."""
    works: ClassVar[bool] = True
    """Whether it computes what options decide, in worker processes."""

    processes: int | None = None
    """Worker processes on this machine; by default one a GPU, or one a core that may be used: a
    container's quota and a job's affinity count."""
    wandb: bool = False
    """Track with Weights & Biases instead of TensorBoard."""
    options: Annotated[RunConfig, tyro.conf.arg(name="")] = field(default_factory=RunConfig)

    @classmethod
    def parse(cls, arguments: Sequence[str], prog: str, about: str) -> Self:
        """The command, with those options of the run that it takes."""
        cls._refuse_others(arguments, prog)
        location = parse_known(RunLocation, arguments)
        if cls.starts_runs:
            new_run_path(location.runs, location.path.name)
        options, preset = location.start()
        named = {field.name: getattr(location, field.name) for field in fields(location)}
        named |= {"preset": preset, "run": location.path.name}
        return parse_options(
            cls(**named, options=options), arguments, prog, about, cls._without_flags()
        )

    @classmethod
    def _without_flags(cls) -> list[str]:
        sections = [field.name for field in fields(RunConfig) if field.name not in cls.takes]
        return [*sections, *([] if cls.works else OF_WORK)]

    @classmethod
    def _refuse_others(cls, arguments: Sequence[str], prog: str) -> None:
        """Raise UserError for options of other commands on runs."""
        others = cls._without_flags()
        for argument in arguments:
            flag = argument.partition("=")[0]
            option = flag.removeprefix("--").partition(".")[0].replace("-", "_")
            option = option.removeprefix("no_")  # that a flag is not wanted
            if not flag.startswith("--") or option not in others:
                continue
            kinds = {name: commands[name] for name in STAGES}
            able = [
                name
                for name, kind in kinds.items()
                if issubclass(kind, StageCommand) and option not in kind._without_flags()
            ]
            raise UserError(
                f"{prog} takes no {flag}, with which it does nothing; "
                f"it is an option of {', '.join(able)}"
            )

    def execute(self, console: Console) -> int:
        """Do the stages; this process starts workers and shows their progress."""
        if not self.starts_runs:
            Run.open(self.path)  # raises when there is none
        from agents.precision import unused_accelerator
        from culture_sim.launch.changes import refuse_changes
        from culture_sim.launch.interruption import end_when_told
        from culture_sim.launch.meeting import meet
        from culture_sim.launch.pipeline import check_command, follow, run_command

        name = commands.name_of(type(self))
        check_command(name, self.options, self.processes)
        if place := place_in(os.environ):
            end_when_told()
            meet(place)  # after it, the others notice when one ends
            if place.rank:
                return follow(self.path)
        if accelerator := unused_accelerator():
            text = f"this machine's {accelerator} is not used: agents learn on the processor"
            console.print(text, highlight=False, soft_wrap=True)
        with Run.lock(self.path):
            if not (self.path / "config.json").exists():
                text = f"new run {self.path}, preset {self.preset}"
                console.print(text, highlight=False, soft_wrap=True)
            else:
                refuse_changes(Run.open(self.path), self.options, self.takes, name)
            run = Run.start(self.path, self.options, self.preset or DEFAULT_PRESET)
            return run_command(name, run, self.processes, self.wandb)
