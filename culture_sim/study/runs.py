"""The runs of a study: for each seed trained agents, and a copy of them in every arm."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agents.config import TrainConfig
from culture_sim.launch.checks import check_culture
from culture_sim.run.config import RunConfig, config_to_dict
from culture_sim.run.progress import round_done, target_reached
from culture_sim.run.run import Run
from culture_sim.study.arms import CONTROL, EXAM, FEWER, options_of
from world import Stream
from world.core.errors import UserError
from world.core.files import json_text, read_json, write_json

OPTIONS = "options.json"
"""The options that all runs of a study have in common."""
EXAM_SEEDS = 1 << 31
"""Root seeds of exams are below this; those of populations are 0, 1, 2 ..."""
MAY_CHANGE = ("rounds", "sae")
"""More rounds may be made, and the same agents looked at with other SAEs."""
BASE = "base"
"""The run of a seed in which agents are trained."""


@dataclass(frozen=True)
class StudyRuns:
    """Where the runs of a study are, and their options.

    folder: of the study. options: of every run, but for seeds and arms. lesson: quizzes that an
    agent trains on in a round, exactly; fewer in the arm FEWER. share: of them that are culture, 0
    to 1. exam_proposals: proposals from which a seed's exam of culture is kept.
    """

    folder: Path
    options: RunConfig
    preset: str
    seeds: int
    arms: Sequence[str]
    lesson: int
    share: float
    exam_proposals: int

    def path(self, seed: int, name: str) -> Path:
        """The run of an arm, or BASE."""
        return self.folder / f"seed-{seed}" / name

    def base_options(self, seed: int) -> RunConfig:
        """Options of the run in which a seed's agents learn the world."""
        return replace(self.options, seed=seed)

    def arm_options(self, seed: int, arm: str) -> RunConfig:
        """Options of an arm: its culture, and an exact number of quizzes a round.

        An agent that is asked for no accuracy trains for one epoch and is examined.
        """
        culture = options_of(arm, self.options.culture, self.share)
        quizzes = self.lesson
        if arm == FEWER:
            quizzes = shorter_lesson(quizzes, self.share, self.options.train.batch_size)
        train = self._lesson(quizzes)
        return replace(self.options, seed=seed, train=train, culture=culture)

    def exam_options(self, seed: int) -> RunConfig:
        """Options of the run that makes a seed's exam of culture: one round, from another seed
        than those of the arms, so that it keeps other quizzes; it trains for a single step."""
        culture = replace(
            options_of(CONTROL, self.options.culture, self.share),
            quota=self.exam_proposals,
            max_proposals=self.exam_proposals,
            transfer_quizzes=0,
        )
        train = self._lesson(self.options.train.batch_size)
        other = Stream(seed, "exam").seed() % EXAM_SEEDS
        return replace(self.options, seed=other, rounds=1, train=train, culture=culture)

    def _lesson(self, quizzes: int) -> TrainConfig:
        return replace(self.options.train, target=0.0, epoch_quizzes=quizzes, max_quizzes=quizzes)

    def make_all(self, processes: int | None) -> None:
        """Do what is missing of every run.

        Raises UserError when agents stay below the target, and when the folder holds a study of
        other options; more seeds, arms and rounds may be added to one.
        """
        for arm in self.arms:
            check_culture(self.arm_options(0, arm))
        self._refuse_another_study()
        for seed in range(self.seeds):
            place = f"seed {seed}, {seed + 1} of {self.seeds}"
            self._make_base(seed, place, processes)
            named = {EXAM: self.exam_options(seed)}
            named |= {arm: self.arm_options(seed, arm) for arm in self.arms}
            for number, (name, options) in enumerate(named.items(), 1):
                step = f"{place}; {name}, {number} of {len(named)}"
                self._make_rounds(self.path(seed, name), options, step, processes)

    def compare_features(self, processes: int | None) -> None:
        """SAEs on the agents of each seed as they began and as every arm left them, compared.

        An SAE starts from the same weights and sees the same quizzes in every arm. Comparisons are
        on the same quizzes, too: those of a study leave out culture, of which arms have their own.
        """
        for seed in range(self.seeds):
            for number, name in enumerate((BASE, *self.arms), 1):
                base = name == BASE
                options = self.base_options(seed) if base else self.arm_options(seed, name)
                _say(
                    f"features of seed {seed}, {seed + 1} of {self.seeds}; {name}, "
                    f"{number} of {len(self.arms) + 1}"
                )
                self._command("sae", self.path(seed, name), options, processes)

    def _refuse_another_study(self) -> None:
        of_study = {name: getattr(self, name) for name in ("lesson", "share", "exam_proposals")}
        options = config_to_dict(self.options) | of_study
        wanted = json.loads(json_text(options))  # as it is read back
        if (self.folder / "config.json").exists():
            raise UserError(f"{self.folder} is a run; give the study a --name of its own")
        path = self.folder / OPTIONS
        remedy = "remove it if the options of this command are those that the study began with"
        begun = read_json(path, remedy) if path.exists() else wanted
        changed = [k for k in wanted if begun.get(k) != wanted[k] and k not in MAY_CHANGE]
        # What the agents know after more rounds is not what they knew after fewer.
        if begun.get("rounds", 0) > self.options.rounds:
            changed.append("fewer rounds")
        if changed:
            raise UserError(
                f"{self.folder} holds a study with other options ({', '.join(changed)}); give this "
                f"one a --name of its own"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, wanted)

    def _make_base(self, seed: int, place: str, processes: int | None) -> None:
        path = self.path(seed, BASE)
        options = self.base_options(seed)
        run = Run(path, options, self.preset)
        if _begun(path) and all(target_reached(run, agent) for agent in run.agents):
            return
        _say(f"{place}: agents learn the world")
        if self._command("train-agents", path, options, processes):
            raise UserError(
                f"agents of {path} stayed below the target; give more with --train.max-quizzes, or "
                f"another world"
            )

    def _make_rounds(
        self, path: Path, options: RunConfig, step: str, processes: int | None
    ) -> None:
        """All rounds of a run that begins with the seed's agents."""
        if not (path / "agents").exists():
            path.mkdir(parents=True, exist_ok=True)
            aside = path / ".agents"
            shutil.rmtree(aside, ignore_errors=True)
            shutil.copytree(path.with_name(BASE) / "agents", aside)
            os.rename(aside, path / "agents")
        if _begun(path) and round_done(Run(path, options, self.preset), options.rounds):
            return
        _say(step)
        self._command("culture-round", path, options, processes)

    def _command(self, command: str, path: Path, options: RunConfig, processes: int | None) -> int:
        from culture_sim.launch.pipeline import check_command, run_command

        check_command(command, options, processes)
        with Run.lock(path):
            run = Run.start(path, options, self.preset)
            return run_command(command, run, processes, wandb=False)


def shorter_lesson(lesson: int, share: float, batch_size: int) -> int:
    """Quizzes of a lesson without its share of culture, rounded to whole batches."""
    return round(lesson * (1 - share) / batch_size) * batch_size


def _begun(path: Path) -> bool:
    return (path / "config.json").exists()


def _say(text: str) -> None:
    from culture_sim.launch.pipeline import console

    console.print(f"\n[bold]{text}[/bold]", highlight=False)
