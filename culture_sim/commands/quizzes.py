"""Show quizzes: of a task, of a run's culture, or an agent's mistakes."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

from rich.console import Console

from culture_sim.commands import commands
from culture_sim.commands.base import OptionsCommand
from culture_sim.culture.store import CultureStore
from culture_sim.presets import presets
from culture_sim.run.places import run_path
from culture_sim.run.run import Run
from world import QuizBatch, QuizWorld, Stream, World, concatenate
from world.core.errors import UserError


class Shown(NamedTuple):
    """Quizzes to show, of a world, with a line of text for each."""

    world: World
    quizzes: QuizBatch
    captions: list[str]


@commands.register("quizzes")
@dataclass(frozen=True, kw_only=True)
class Quizzes(OptionsCommand):
    """Show quizzes: of a task, of a run's culture, or an agent's mistakes."""

    resumes: ClassVar[bool] = False

    task: str | None = None
    """Only quizzes of this task."""
    preset: str = "compact"
    """Without --run: show quizzes of this preset's world."""
    run: str | None = None
    """Show the culture quizzes that this run kept."""
    agent: int | None = None
    """With --run: show quizzes that this agent of the run answers wrongly, beside its answers."""
    runs: Path = Path("runs")
    """Folder that holds runs."""
    count: int = 8
    """How many quizzes."""
    seed: int = 0
    """Which ones."""
    png: Path | None = None
    """Write them as PNG files into this folder too."""

    def execute(self, console: Console) -> int:
        """Draw them, read them, or find them out, and print them."""
        if self.count < 1:
            raise UserError(f"count must be at least 1, got {self.count}")
        world, batch, captions = _choose(self)
        plain = "NO_COLOR" in os.environ or not sys.stdout.isatty()
        for row, caption in enumerate(captions):
            print(f"{caption}\n{world.text(batch, row, plain)}\n")
            if self.png is not None:
                self.png.mkdir(parents=True, exist_ok=True)
                world.png(batch, row).save(self.png / f"{row:04d}.png")
        return 0


def _choose(options: Quizzes) -> Shown:
    """The quizzes that are asked for."""
    if options.run is None:
        if options.agent is not None:
            raise UserError("--agent needs --run: the run whose agent's mistakes to show")
        return _world_quizzes(options, presets[options.preset]().world)
    run = Run.open(run_path(options.runs, options.run))
    if options.agent is not None:
        return _mistakes(options, run, options.agent)
    if options.task is not None:
        raise UserError("culture quizzes have no task; give --task without --run, or with --agent")
    return _culture(options, run)


def _world_quizzes(options: Quizzes, world: World) -> Shown:
    if options.task is not None:
        world = world.with_tasks((options.task,))
    batch = world.draw(Stream(options.seed, "show"), 0, options.count, "train")
    return Shown(world, batch, [world.tasks[task] for task in batch.task])


def _culture(options: Quizzes, run: Run) -> Shown:
    store = CultureStore(run.path / "culture")
    store.refuse_lost()
    kept = store.kept("culture_train")
    if kept is None or not len(kept):
        raise UserError(
            f"{run.path} has no kept quizzes; run first: culture-sim culture-round "
            f"--run {run.path.name}"
        )
    rng = Stream(options.seed, "show").generator()
    batch = kept[rng.permutation(len(kept))[: options.count]]
    return Shown(run.config.world, batch, ["kept quiz"] * len(batch))


def _mistakes(options: Quizzes, run: Run, agent: int) -> Shown:
    from agents.evaluation import exact
    from agents.precision import make_accelerator
    from agents.scoring import answers
    from agents.training import unseen_quizzes
    from culture_sim.run.formats import formats_here

    world: QuizWorld = run.config.quiz_world
    if options.task is not None:
        world = world.with_tasks((options.task,))
    if agent not in run.agents:
        raise UserError(f"{run.path} has agents 0 to {run.config.agents - 1}, not {agent}")
    model = run.load_agent(agent)
    stream = Stream(run.config.seed, f"show-mistakes-{options.seed}")
    batch = unseen_quizzes(world, stream, 1000)
    with make_accelerator(run.config.train, formats_here(run)).autocast():
        right, _ = exact(model, world, batch)
        wrong = batch[~right][: options.count]
        answered = answers(model, world, wrong)
    pairs = [concatenate([wrong[i : i + 1], answered[i : i + 1]]) for i in range(len(wrong))]
    names = [world.tasks[task] for task in wrong.task]
    captions = [text for name in names for text in (f"{name}: the quiz", f"agent {agent} answers")]
    if not pairs:
        raise UserError(f"agent {agent} answers all of 1,000 quizzes; try another --seed")
    return Shown(world, concatenate(pairs), captions)
