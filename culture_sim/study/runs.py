"""The runs of a study: for each seed trained agents, and a copy of them in every arm."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from culture_sim.config import RunConfig, config_to_dict
from culture_sim.run import Run, read_json, write_json
from culture_sim.status import round_done, target_reached
from culture_sim.study.arms import options_of
from world.errors import UserError

OPTIONS = "options.json"
"""The options that all runs of a study have in common."""
BASE = "base"
"""The run of a seed in which agents are trained."""


@dataclass(frozen=True)
class StudyRuns:
    """Where the runs of a study are, and their options.

    folder: of the study. options: of every run, but for seeds and arms. lesson: quizzes that an
    agent trains on in a round, exactly.
    """

    folder: Path
    options: RunConfig
    preset: str
    seeds: int
    arms: Sequence[str]
    lesson: int

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
        train = replace(
            self.options.train,
            target=0.0,
            epoch_quizzes=self.lesson,
            max_quizzes=self.lesson,
        )
        culture = options_of(arm, self.options.culture)
        return replace(self.options, seed=seed, train=train, culture=culture)

    def make_all(self, processes: int | None) -> None:
        """Do what is missing of every run.

        Raises UserError when agents stay below the target, and when the folder holds a study of
        other options; more seeds, arms and rounds may be added to one.
        """
        self._refuse_another_study()
        for seed in range(self.seeds):
            self._make_base(seed, processes)
            for arm in self.arms:
                self._make_arm(seed, arm, processes)

    def _refuse_another_study(self) -> None:
        wanted = config_to_dict(self.options) | {"lesson": self.lesson}
        wanted = {key: wanted[key] for key in wanted if key not in ("seed", "rounds")}
        wanted = json.loads(json.dumps(wanted))  # as it is read back
        path = self.folder / OPTIONS
        begun = read_json(path, "remove the study's folder") if path.exists() else wanted
        changed = [key for key in wanted if begun.get(key) != wanted[key]]
        if changed:
            raise UserError(
                f"{self.folder} holds a study with other options ({', '.join(changed)}); give this "
                f"one a --name of its own"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, wanted)

    def _make_base(self, seed: int, processes: int | None) -> None:
        path = self.path(seed, BASE)
        options = self.base_options(seed)
        run = Run(path, options, self.preset)
        if _begun(path) and all(target_reached(run, agent) for agent in run.agents):
            return
        _say(f"seed {seed}, {seed + 1} of {self.seeds}: agents learn the world")
        if self._command("train-agents", path, options, processes):
            raise UserError(
                f"agents of {path} stayed below the target; give more with --train.max-quizzes, or "
                f"another world"
            )

    def _make_arm(self, seed: int, arm: str, processes: int | None) -> None:
        path, base = self.path(seed, arm), self.path(seed, BASE)
        options = self.arm_options(seed, arm)
        if not (path / "agents").exists():
            path.mkdir(parents=True, exist_ok=True)
            aside = path / ".agents"
            shutil.rmtree(aside, ignore_errors=True)
            shutil.copytree(base / "agents", aside)
            os.rename(aside, path / "agents")
        if _begun(path) and round_done(Run(path, options, self.preset), options.rounds):
            return
        place = f"seed {seed}, {seed + 1} of {self.seeds}; arm {arm}"
        _say(f"{place}, {list(self.arms).index(arm) + 1} of {len(self.arms)}")
        self._command("culture-round", path, options, processes)

    def _command(self, command: str, path: Path, options: RunConfig, processes: int | None) -> int:
        from culture_sim.pipeline import check_command, run_command

        check_command(command, options, processes)
        with Run.lock(path):
            run = Run.start(path, options, self.preset)
            return run_command(command, run, processes, wandb=False)


def _begun(path: Path) -> bool:
    return (path / "config.json").exists()


def _say(text: str) -> None:
    from culture_sim.pipeline import console

    console.print(f"\n[bold]{text}[/bold]", highlight=False)
