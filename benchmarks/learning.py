"""One agent learning by a recipe until the target or the end of its budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agents.precision import make_accelerator
from agents.training import Learner, mixed_draw, task_weights_for, unseen_quizzes
from benchmarks.measure import device
from benchmarks.recipes import recipes
from culture_sim.run.config import RunConfig
from world import QuizBatch, Stream

START = {"seconds": 0.0, "processor_seconds": 0.0, "reached": False}
"""The time so far, before the first epoch."""
KEPT = ("line", "by_task", "accuracy", "spent")
"""Of a course, in its checkpoint."""


@dataclass
class Course:
    """A training that may have been begun before.

    line: where it is, ready for JSON. by_task, accuracy: of the last validation. spent: seconds of
    the clock.
    """

    learner: Learner
    test: QuizBatch
    validation: QuizBatch
    line: dict[str, Any] = field(default_factory=lambda: dict(START))
    by_task: dict[str, float] = field(default_factory=dict)
    accuracy: float = 0.0
    spent: float = 0.0

    @classmethod
    def of(cls, name: str, agent: int, config: RunConfig, kept: Path | None) -> Course:
        """Of one agent and recipe, from the checkpoint in a folder if there is one."""
        world, epoch = config.world, config.train.epoch_quizzes
        model, train = recipes[name](config.model)
        train = replace(
            train, epoch_quizzes=epoch - epoch % train.batch_size, compile=config.train.compile
        )
        root, stream = Stream(0, ""), Stream(0, "", agent=agent)
        learner = Learner(model, train, world, stream, make_accelerator(train))
        test = unseen_quizzes(world, root.with_role("world-test"), train.test_quizzes)
        validation = unseen_quizzes(
            world, root.with_role("world-gate"), train.validation_quizzes, [test]
        )
        saved = learner.load(kept) if kept else None
        begun = {name: saved[name] for name in KEPT} if saved else {}
        return cls(learner, test, validation, **begun)

    def train(self, is_over: Callable[[], bool]) -> None:
        """An epoch, or what of it there is time for."""
        learner = self.learner
        task_weights = task_weights_for(
            self.by_task, learner.world.tasks, learner.config.error_weighting
        )
        draw = mixed_draw(learner.world, learner.stream, task_weights=task_weights)
        for _ in learner.train_epoch(draw, self.accuracy):
            if is_over():
                break

    def examine(self) -> dict[str, Any]:
        """Validation, and the test if that is passed."""
        target = self.learner.config.target
        found = self.learner.evaluate(self.validation)
        self.by_task, self.accuracy = found.accuracy_by["task"], found.accuracy
        passed = self.accuracy >= target
        if passed:
            found = self.learner.evaluate(self.test)
        return {
            "quizzes": self.learner.quizzes,
            "accuracy": found.accuracy,
            "of": found.total,
            "loss": found.loss,
            "reached": passed and found.accuracy >= target,
        }

    def save(self, folder: Path) -> None:
        """The checkpoint that it goes on from."""
        self.learner.save(folder, {name: getattr(self, name) for name in KEPT})


def learn(
    name: str,
    agent: int,
    config: RunConfig,
    budget: float,
    clock: Callable[[], float] | None = None,
    kept: Path | None = None,
) -> Iterator[dict[str, Any]]:
    """Train one agent by a recipe; where it is after every epoch, ready for JSON.

    config: whose world, size of network, length of an epoch and torch.compile. budget: seconds of
    the clock; by default the processor's, which a busy machine does not cut short, or the wall's
    where a GPU does the work. kept: folder of a checkpoint, written after every epoch, from which
    an interrupted training goes on; its time so far counts.
    """
    course = Course.of(name, agent, config, kept)
    before = course.line
    if before["reached"]:
        yield before
    clock = clock or (time.process_time if device().type == "cpu" else time.perf_counter)
    began, used, start = time.perf_counter(), time.process_time(), clock() - course.spent
    while not course.line["reached"] and clock() < start + budget:
        course.train(lambda: clock() > start + budget)
        found = course.examine()
        course.line = {
            "recipe": name,
            "seconds": before["seconds"] + time.perf_counter() - began,
            "processor_seconds": before["processor_seconds"] + time.process_time() - used,
            **found,
        }
        course.spent = clock() - start
        if kept:
            course.save(kept)
        yield course.line
