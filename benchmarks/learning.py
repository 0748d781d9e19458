"""One agent learning by a recipe until the target or the end of its budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from agents.precision import make_accelerator
from agents.training import Learner, mixed_draw, task_weights_for, unseen_quizzes
from benchmarks.measure import device
from benchmarks.recipes import recipes
from culture_sim.run.config import RunConfig
from world import Stream

START = {"seconds": 0.0, "processor_seconds": 0.0, "reached": False}
"""The time so far, before the first epoch."""


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
    world, epoch = config.world, config.train.epoch_quizzes
    model, train = recipes[name](config.model)
    train = replace(
        train, epoch_quizzes=epoch - epoch % train.batch_size, compile=config.train.compile
    )
    root = Stream(0, "")
    stream = Stream(0, "", agent=agent)
    learner = Learner(model, train, world, stream, make_accelerator(train))
    test = unseen_quizzes(world, root.with_role("world-test"), train.test_quizzes)
    validation = unseen_quizzes(
        world, root.with_role("world-gate"), train.validation_quizzes, [test]
    )
    earlier = (learner.load(kept) if kept else None) or {"line": START, "by_task": {}, "spent": 0.0}
    line, by_task, before = earlier["line"], earlier["by_task"], earlier["line"]
    accuracy = earlier.get("validation", 0.0)
    if line["reached"]:
        yield line
    clock = clock or (time.process_time if device().type == "cpu" else time.perf_counter)
    began, used, start = time.perf_counter(), time.process_time(), clock() - earlier["spent"]
    while not line["reached"] and clock() < start + budget:
        task_weights = task_weights_for(by_task, world.tasks, train.error_weighting)
        draw = mixed_draw(world, learner.stream, task_weights=task_weights)
        for _ in learner.train_epoch(draw, accuracy):
            if clock() > start + budget:
                break
        found = learner.evaluate(validation)
        by_task, accuracy = found.accuracy_by["task"], found.accuracy
        passed = accuracy >= train.target
        if passed:
            found = learner.evaluate(test)
        line = {
            "recipe": name,
            "quizzes": learner.quizzes,
            "seconds": before["seconds"] + time.perf_counter() - began,
            "processor_seconds": before["processor_seconds"] + time.process_time() - used,
            "accuracy": found.accuracy,
            "of": found.total,
            "loss": found.loss,
            "reached": passed and found.accuracy >= train.target,
        }
        if kept:
            state = {"line": line, "by_task": by_task, "validation": accuracy}
            learner.save(kept, {**state, "spent": clock() - start})
        yield line
