"""Write world and culture as a Hugging Face dataset: Parquet files and a card."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import tyro
from rich.console import Console

from culture_sim.commands import export
from culture_sim.commands.base import Plugins
from culture_sim.commands.export import Material
from culture_sim.commands.parsing import parse_known, parse_options
from culture_sim.culture.store import CultureStore
from culture_sim.export.spec import Export
from culture_sim.presets import presets
from culture_sim.run.places import run_path
from culture_sim.run.run import Run
from world import QuizWorld, World
from world.core.errors import UserError
from world.grids.world import GridsWorld

DEFAULT_PRESET = "compact"


@dataclass(frozen=True, kw_only=True)
class Source(Plugins):
    """Where quizzes come from; read before the other options, which depend on it."""

    preset: str | None = None
    """Export the world of this preset; "compact" when neither it nor --run is given."""
    run: str | None = None
    """Export the world and the culture of this run."""
    runs: Path = Path("runs")
    """Folder that holds runs."""

    def start(self) -> World:
        """The world that the options start from."""
        if self.run is not None and self.preset is not None:
            raise UserError("give --preset or --run, not both: a run has a world of its own")
        if self.run is not None:
            return Run.open(run_path(self.runs, self.run)).config.world
        return presets[self.preset or DEFAULT_PRESET]().world


@dataclass(frozen=True, kw_only=True)
class ExportQuizzes(Source, export.Export):
    """Everything that a command line can say."""

    repo_type = "dataset"
    replaced = "data/**"

    quizzes: int = 100_000
    """Quizzes of the world, in all splits: 8 in 10 for training, the others held out."""
    seed: int = 0
    """Which ones."""
    culture: bool = True
    """With --run: its culture, too."""
    text: bool = False
    """Write the quizzes as text, too, with a verifier, to train language models on."""
    world: World = field(default_factory=GridsWorld)
    """The world, where it is not that of a run."""

    @classmethod
    def read(cls, arguments: Sequence[str], prog: str, about: str) -> Self:
        """The command; its world is that of a run or a preset, which is read first."""
        world = parse_known(Source, arguments).start()
        return parse_options(cls(out=tyro.MISSING, world=world), arguments, prog, about)

    def material(self, console: Console) -> Material:
        """The quizzes that the options ask for."""
        from culture_sim.export.dataset import write_dataset  # loads datasets

        quizzes = _export(self, self.start())
        return Material(quizzes.record(), lambda folder: write_dataset(quizzes, folder, console))


Kind = ExportQuizzes


def _export(options: ExportQuizzes, base: World) -> Export:
    """What the options ask for; raises UserError when it cannot be had."""
    if not isinstance(options.world, QuizWorld):
        name = options.world.name
        raise UserError(f"a dataset is made of quizzes, and the world {name!r} has none")
    if options.quizzes < 1:
        raise UserError(f"--quizzes must be at least 1, got {options.quizzes}")
    if options.run is not None and options.world != base:
        raise UserError(
            f"run {options.run} has a world of its own; give other options with --preset"
        )
    return Export(
        source=_source(options, base),
        world=options.world,
        culture=_culture(options),
        quizzes=options.quizzes,
        seed=options.seed,
        text=options.text,
    )


def _culture(options: ExportQuizzes) -> CultureStore | None:
    """The culture to export."""
    if options.run is None or not options.culture:
        return None
    store = CultureStore(run_path(options.runs, options.run) / "culture")
    store.refuse_lost()
    if not store.rounds():
        raise UserError(
            f"run {options.run} has no culture yet; run first: culture-sim culture-round --run "
            f"{options.run}, or export its world alone with --no-culture"
        )
    return store


def _source(options: ExportQuizzes, base: World) -> tuple[str, ...]:
    """The flags that chose the quizzes, without the places of this machine."""
    if options.run is not None:
        return ("--run", options.run, *(() if options.culture else ("--no-culture",)))
    flags = ["--preset", options.preset or DEFAULT_PRESET]
    if type(options.world) is not type(base):
        base = type(options.world)()
        flags += ["--world", options.world.name]
    for option in dataclasses.fields(options.world):  # type: ignore[arg-type]
        value = getattr(options.world, option.name)
        if value != getattr(base, option.name):
            words = value if isinstance(value, tuple) else (value,)
            flags += [f"--world.{option.name}", *map(str, words)]
    return tuple(flags)
