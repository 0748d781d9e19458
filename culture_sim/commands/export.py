"""The command ``culture-sim export``: what it can write, its options, and their checks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import tyro
from rich.console import Console

from culture_sim.commands.parsing import one_line_errors
from culture_sim.culture.store import CultureStore
from culture_sim.export.dataset import is_written, refuse_occupied, write_dataset
from culture_sim.export.spec import Export
from culture_sim.presets import presets
from culture_sim.run.run import Run
from world.core.errors import UserError
from world.grids.world import GridsWorld

DEFAULT_PRESET = "compact"
ABOUT = "Write world and culture as a Hugging Face dataset: Parquet files and a card."


@dataclass(frozen=True)
class Source:
    """Where quizzes come from; parsed before the other options, which depend on it."""

    preset: str | None = None
    """Export the world of this preset; "compact" when neither it nor --run is given."""
    run: str | None = None
    """Export the world and the culture of this run."""
    runs: Path = Path("runs")
    """Folder that holds runs."""


@dataclass(frozen=True, kw_only=True)
class Options(Source):
    """All that a command line can say."""

    out: Path
    """New folder to write."""
    quizzes: int = 100_000
    """Quizzes of the world, in all splits: 8 in 10 for training, the others held out."""
    seed: int = 0
    """Which ones."""
    culture: bool = True
    """With --run: its culture, too."""
    text: bool = False
    """Write the quizzes as text, too, with a verifier, to train language models on."""
    shard_quizzes: int = 131_072
    """Quizzes in a file, at most."""
    push_to_hub: str | None = None
    """Upload the folder to this repository of the Hugging Face Hub, such as user/name."""
    private: bool = False
    """With --push-to-hub: make the repository, where there is none, a private one."""
    world: GridsWorld = field(default_factory=GridsWorld)
    """The world, where it is not that of a run."""


def export(arguments: Sequence[str]) -> int:
    """The command ``culture-sim export``; returns the exit code."""
    if arguments[:1] in (["-h"], ["--help"]):
        print(f"usage: culture-sim export dataset [options]\n\n  dataset  {ABOUT}")
        return 0
    if arguments[:1] != ["dataset"]:
        raise UserError("say what to export; known: dataset")
    return _export_dataset(arguments[1:])


def _export_dataset(arguments: Sequence[str]) -> int:
    from culture_sim.export.hub import check_hub, push

    options, base = _parse(arguments)
    made, out, console = _export(options, base), options.out.resolve(), Console()
    # What this very command wrote needs no second writing to be uploaded.
    written = options.push_to_hub is not None and is_written(out, made)
    if not written:
        refuse_occupied(out)
    if options.push_to_hub is not None:
        # Before the work: to write a million quizzes and then miss a token helps nobody.
        check_hub(options.push_to_hub)
    if not written:
        write_dataset(made, out)
        console.print(f"wrote {options.out}", highlight=False, soft_wrap=True)
    if options.push_to_hub is not None:
        address = push(out, options.push_to_hub, options.private)
        console.print(f"uploaded to {address}", highlight=False, soft_wrap=True)
    return 0


def _parse(arguments: Sequence[str]) -> tuple[Options, GridsWorld]:
    """The options, and the world that they start from."""
    known = [a for a in arguments if a not in ("-h", "--help")]
    with one_line_errors():
        source, _ = tyro.cli(Source, args=known, return_unknown_args=True)
    if source.run is not None and source.preset is not None:
        raise UserError("give --preset or --run, not both: a run has a world of its own")
    if source.run is not None:
        base = Run.open(source.runs / source.run).config.world
    else:
        base = presets[source.preset or DEFAULT_PRESET]().world
    with one_line_errors():
        options = tyro.cli(
            Options,
            args=arguments,
            default=Options(out=tyro.MISSING, world=base),
            prog="culture-sim export dataset",
            description=ABOUT,
        )
    return options, base


def _export(options: Options, base: GridsWorld) -> Export:
    """What the options ask for; raises UserError when it cannot be had."""
    for name in ("quizzes", "shard_quizzes"):
        if getattr(options, name) < 1:
            flag = name.replace("_", "-")
            raise UserError(f"--{flag} must be at least 1, got {getattr(options, name)}")
    if options.private and options.push_to_hub is None:
        raise UserError("--private needs --push-to-hub: the repository that is to be private")
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
        shard_quizzes=options.shard_quizzes,
    )


def _culture(options: Options) -> Path | None:
    """The folder of the culture to export."""
    if options.run is None or not options.culture:
        return None
    folder = options.runs / options.run / "culture"
    if not CultureStore(folder).rounds():
        raise UserError(
            f"run {options.run} has no culture yet; run first: culture-sim culture-round --run "
            f"{options.run}, or export its world alone with --no-culture"
        )
    return folder


def _source(options: Options, base: GridsWorld) -> tuple[str, ...]:
    """The flags that chose the quizzes, without the places of this machine."""
    if options.run is not None:
        return ("--run", options.run, *(() if options.culture else ("--no-culture",)))
    flags = ["--preset", options.preset or DEFAULT_PRESET]
    for option in dataclasses.fields(base):
        value = getattr(options.world, option.name)
        if value != getattr(base, option.name):
            words = value if isinstance(value, tuple) else (value,)
            flags += [f"--world.{option.name}", *map(str, words)]
    return tuple(flags)
