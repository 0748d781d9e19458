"""Find out whether culture does anything: arms from the same agents, compared."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar

import tyro
from rich.console import Console
from rich.table import Table

from culture_sim.commands import commands
from culture_sim.commands.base import OptionsCommand
from culture_sim.launch.checks import check_features
from culture_sim.launch.place import alone_command
from culture_sim.launch.processes import launched_outside
from culture_sim.presets import presets
from culture_sim.run.config import RunConfig
from culture_sim.run.places import new_run_path
from culture_sim.study.arms import ABOUT, CHANGES, CONTROL, FEWER
from culture_sim.study.results import EXAMS, FEATURES, LOSS, compare, make_exam, measure
from culture_sim.study.runs import StudyRuns, shorter_lesson
from sae.files import read_parquet, write_parquet
from world.core.errors import COUNT, SHARE, UserError, require
from world.core.files import write_json

LOSSES = {LOSS.format(name) for name in EXAMS}
SHOWN = ("after", "gained", "against_control", "full_against")
"""What is shown of every arm and measure."""
RESULTS, SUMMARY, FIGURE = "results.parquet", "study.json", "study.svg"
"""What is written, in the folder of the study."""


@commands.register("study")
@dataclass(frozen=True, kw_only=True)
class Study(OptionsCommand):
    """Train agents for each seed, copy them into every arm, make the rounds, compare."""

    minds_launchers: ClassVar[bool] = True

    name: str = "study"
    """Name of the study, a folder under --runs."""
    runs: Path = Path("runs")
    """Folder that holds runs and studies."""
    seeds: int = 3
    """Populations, each trained from its own seed; intervals are over them."""
    arms: tuple[str, ...] = tuple(CHANGES)
    """Arms to compare."""
    lesson: int = 2400
    """Quizzes that every agent trains on in a round; in the arm fewer, less the culture's share."""
    share: float = 0.3
    """Of these quizzes, how many are culture where there is some to teach, 0 to 1."""
    exam_proposals: int = 5120
    """Proposals of each population as it begins, from which its exam of culture is kept."""
    features: bool = False
    """Also train SAEs on the agents of every arm, and compare what features they share."""
    processes: int | None = None
    """Worker processes on this machine; by default one a GPU, or one a core that may be used."""
    options: Annotated[RunConfig, tyro.conf.arg(name="")] = field(
        default_factory=lambda: presets["study"]()
    )

    def __post_init__(self) -> None:
        require(self, "study", COUNT, "seeds", "lesson", "exam_proposals")
        require(self, "study", SHARE, "share")
        unknown = [arm for arm in self.arms if arm not in CHANGES]
        if unknown:
            raise UserError(f"unknown arm {unknown[0]!r}; known: {', '.join(CHANGES)}")
        if CONTROL not in self.arms:
            raise UserError(f"--arms must name {CONTROL!r}, which the others are held against")
        if len(set(self.arms)) < len(self.arms):
            raise UserError(f"--arms names an arm twice: {', '.join(self.arms)}")
        new_run_path(self.runs, self.name, "--name")
        if self.options.rounds < 1:
            raise UserError("a study needs at least one round; see --rounds")
        if self.options.compare_on_culture:
            raise UserError(
                "--compare-on-culture is not for a study: the features of every arm are compared "
                "on the same quizzes, and each arm has a culture of its own"
            )
        self._refuse_what_arms_decide()
        batch = self.options.train.batch_size
        if self.lesson % batch:
            raise UserError(
                f"--lesson ({self.lesson}) must be a multiple of --train.batch-size ({batch})"
            )
        shorter = shorter_lesson(self.lesson, self.share, batch)
        if FEWER in self.arms and not 0 < shorter < self.lesson:
            raise UserError(
                f"with --share {self.share:g} of --lesson {self.lesson} the arm fewer would train "
                f"on {shorter} quizzes; leave it out of --arms"
            )

    def _refuse_what_arms_decide(self) -> None:
        """Options that the seeds and arms of a study set themselves."""
        options, default = self.options, presets["study"]()
        decided = {
            "seed": (options.seed, default.seed),
            **{
                f"culture.{name}": (getattr(options.culture, name), getattr(default.culture, name))
                for name in ("trains_on", "repeats", "max_share", "restart_quota")
            },
        }
        for name, (value, unchanged) in decided.items():
            if value != unchanged:
                flag = name.replace("_", "-")
                raise UserError(
                    f"--{flag} is for a study to decide; see --seeds, --share and --arms"
                )

    def execute(self, console: Console) -> int:
        """Make what is missing, measure, compare."""
        if launched_outside():
            raise UserError(
                f"a study starts its own processes; run it without a launcher: "
                f"{alone_command(os.environ)}"
            )
        folder = self.runs / self.name
        if self.features:
            check_features(self.options)
        else:
            _refuse_to_lose_features(folder / RESULTS)
        study = StudyRuns(
            folder=folder,
            options=self.options,
            preset="study",
            seeds=self.seeds,
            arms=self.arms,
            lesson=self.lesson,
            share=self.share,
            exam_proposals=self.exam_proposals,
        )
        study.make_all(self.processes)
        if self.features:
            study.compare_features(self.processes)
        results = measure(study, self.features)
        write_parquet(folder / RESULTS, results)
        from culture_sim.study.differences import differences, in_words  # loads scipy.stats
        from culture_sim.study.figure import draw  # loads matplotlib

        compared = compare(results, self.options.rounds)
        differ = differences(results, self.options.rounds)
        write_json(folder / SUMMARY, {**self._summary(study, compared), "differences": differ})
        draw(compared, folder / FIGURE)
        console.print(_table(compared))
        console.print(in_words(differ), highlight=False)
        written = f"written: {folder / SUMMARY}, {RESULTS}, {FIGURE}"
        console.print(written, highlight=False, soft_wrap=True)
        return 0

    def _summary(self, study: StudyRuns, compared: list[dict[str, Any]]) -> dict[str, Any]:
        directions = len(self.options.quiz_world.directions)
        return {
            "rounds": self.options.rounds,
            "arms": {arm: ABOUT[arm] for arm in self.arms},
            "exam_quizzes": [
                len(make_exam(study, seed)[0]) // directions for seed in range(self.seeds)
            ],
            "compared": compared,
        }


def _refuse_to_lose_features(results: Path) -> None:
    """The table is written again; what took SAEs to find out must not silently leave it."""
    if not results.exists():
        return
    remedy = "remove it to measure the runs again; give --features if it had what features say"
    measures = set(read_parquet(results, remedy, ["measure"])["measure"])
    if measures & set(FEATURES):
        raise UserError(f"{results} says what features agents share; give --features to keep that")


def _table(compared: list[dict[str, Any]]) -> Table:
    table = Table(
        "measure", "arm", "after the last round", "gained", "against no culture",
        "full culture against it",
    )  # fmt: skip
    for row in compared:
        form = "{:.4f}" if row["measure"] in {*LOSSES, *FEATURES} else "{:.2%}"
        cells = [
            _shown(row[key], form) for key in ("after", "gained", "against_control", "full_against")
        ]
        table.add_row(row["measure"], row["arm"], *cells)
    return table


def _shown(interval: dict[str, float | None] | None, form: str) -> str:
    if interval is None:
        return "-"
    value, low, high = interval["value"], interval["low"], interval["high"]
    if low is None or high is None:
        return form.format(value)
    return f"{form.format(value)} ({form.format(low)} to {form.format(high)})"
