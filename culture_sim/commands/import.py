"""Make a run of agents, quizzes and SAEs that others published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, ClassVar, Self

import tyro
from rich.console import Console

from culture_sim.commands import Command, commands
from culture_sim.commands.base import Plugins
from culture_sim.commands.parsing import parse_options
from culture_sim.culture.rules.likelihood import Likelihood
from culture_sim.launch.progress import progress
from culture_sim.presets.faithful import faithful
from culture_sim.run.config import RunConfig
from culture_sim.run.places import run_path
from world.core.errors import UserError
from world.core.names import refuse_unreadable

KIND = "culture-gpt"
ABOUT = "Make a run of the agents, kept quizzes, datasets and SAE of F. Fleuret's culture."
FROM_FILES = ("agents", "world", "model")
"""Options of a run that the files decide."""


def as_published() -> RunConfig:
    """The options of the source, its rule among them, where the run decides."""
    options = faithful()
    culture = replace(options.culture, rule=Likelihood(), noise_rounds=3, vote_noise=0.05)
    return replace(options, culture=culture)


@commands.register("import")
@dataclass(frozen=True, kw_only=True)
class ImportRun(Plugins, Command):
    """Everything that a command line can say."""

    resumes: ClassVar[bool] = False

    paths: tyro.conf.Positional[tuple[Path, ...]]
    """Files, or folders that hold them: gpt_000.pth and its like, c_quizzes.pth, Parquet files of a
    dataset, cfg.json beside sae_weights.safetensors. Nothing is downloaded."""
    run: str = KIND
    """Name of the new run, a folder under --runs."""
    runs: Path = Path("runs")
    """Folder that holds runs."""
    most_quizzes: int | None = None
    """Kept quizzes of each round to train on, and as many to test with; all by default. Every agent
    votes on each."""
    options: Annotated[RunConfig, tyro.conf.arg(name="")] = field(default_factory=as_published)

    def __post_init__(self) -> None:
        if self.most_quizzes is not None and self.most_quizzes < 1:
            raise UserError(f"--most-quizzes must be at least 1, got {self.most_quizzes}")

    @classmethod
    def parse(cls, arguments: Sequence[str], prog: str, about: str) -> Self:
        """The command; its first word says what is imported."""
        if arguments[:1] in (["-h"], ["--help"]):
            print(f"usage: {prog} {KIND} PATH... [options]\n\n  {KIND}  {ABOUT}")
            raise SystemExit(0)
        if arguments[:1] != [KIND]:
            raise UserError(f"say what to import; known: {KIND}")
        default = cls(paths=tyro.MISSING)
        return parse_options(default, arguments[1:], f"{prog} {KIND}", ABOUT, FROM_FILES)

    def execute(self, console: Console) -> int:
        """Make the run, and say how good its agents are."""
        from culture_sim.imports.run import import_culture_gpt  # loads sae_lens
        from culture_sim.run.progress import training_table

        path = run_path(self.runs, self.run)
        refuse_unreadable("--run", Path(self.run))
        with progress(console) as report:
            run = import_culture_gpt(path, self.paths, self.options, self.most_quizzes, report)
        console.print(training_table(run), highlight=False)
        target = run.config.train.target
        if target < self.options.train.target:
            console.print(
                f"target {target:.0%}: what the weakest of these agents reaches",
                highlight=False,
                soft_wrap=True,
            )
        console.print(f"imported: {run.path}", highlight=False, soft_wrap=True)
        return 0
