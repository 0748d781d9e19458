"""Memory while an agent learns, quizzes are voted on, and rounds go by; and a worker's own.

Flat means a ratio of 1: as much after many times as after a few. The floor is the process with its
libraries loaded and nothing done. A worker shares what the server had loaded as long as neither
writes to it.
"""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import psutil
import torch

from agents.config import ModelConfig
from agents.generation import generate
from agents.precision import make_accelerator
from agents.training import Learner, mixed_draw, unseen_quizzes
from benchmarks.measure import Row
from benchmarks.recipes import recipes
from benchmarks.subjects import fresh_agent, subject, working_precision
from culture_sim.culture.rules import Rule, rules
from culture_sim.culture.votes import Decision, VoteTable, vote
from culture_sim.experiment import culture
from culture_sim.launch.workers import LIBRARIES, OPTIMIZERS, load_ahead
from culture_sim.population.population import Population
from culture_sim.presets import presets
from culture_sim.run.run import Run
from world import UNKNOWN_TASK, QuizBatch, QuizWorld, Stream, World

FIRST, LAST = 3, 15
"""Repeats after which memory is looked at."""


def rows(quick: bool) -> Iterator[Row]:
    """Megabytes after many repeats, beside those after a few; those of a worker."""
    world, size = subject(quick)
    count = 64 if quick else 640
    importlib.import_module(OPTIMIZERS)
    idle = _megabytes()
    with tempfile.TemporaryDirectory() as folder:
        works = {
            f"training, epochs of {count} quizzes": partial(_training, world, size, count),
            f"writing and voting on {count // 4} quizzes": partial(
                _culture, world, size, count // 4
            ),
            "rounds of two tiny agents, each on 20 more quizzes": partial(_rounds, Path(folder)),
        }
        for name, make in works.items():
            work = make()
            seen = [_megabytes_after(work) for _ in range(LAST)]
            yield Row(
                "memory",
                f"{name}, {LAST} times",
                seen[-1],
                "MB",
                f"after {FIRST} times",
                seen[FIRST - 1],
                idle,
                "libraries loaded",
                better="less",
            )
    if sys.platform == "linux" and not torch.cuda.is_available():  # where workers are forked
        yield _of_a_worker()


def _of_a_worker() -> Row:
    """What a worker has that is not the server's, with what the server loaded frozen and not."""
    load_ahead(LIBRARIES)
    hears, says = multiprocessing.Pipe(duplex=False)
    context = multiprocessing.get_context("forkserver")
    worker = context.Process(target=_collect_garbage, args=(says,))
    worker.start()
    says.close()
    begun, frozen, looked_through = hears.recv()
    worker.join()
    return Row(
        "memory",
        "a worker's own, after a collection of garbage",
        frozen,
        "MB",
        "the server's not frozen",
        looked_through,
        begun,
        "before any",
        better="less",
    )


def _collect_garbage(says: Connection) -> None:
    """Megabytes of this process alone: before, after a collection, and after one of everything."""
    seen = [psutil.Process().memory_full_info().uss / 1e6]
    for thaw in (lambda: None, gc.unfreeze):
        thaw()
        gc.collect()
        seen.append(psutil.Process().memory_full_info().uss / 1e6)
    says.send(seen)


def _training(world: World, size: ModelConfig, count: int) -> Callable[[], None]:
    """One epoch and an evaluation."""
    model, train = recipes["default"](size)
    train = replace(train, epoch_quizzes=count)
    learner = Learner(model, train, world, Stream(0, "benchmark"), make_accelerator(train))
    draw = mixed_draw(world, learner.stream)
    validation = unseen_quizzes(world, Stream(0, "benchmark-gate"), count)

    def epoch() -> None:
        for _ in learner.train_epoch(draw):
            pass
        learner.evaluate(validation)

    return epoch


def _culture(world: QuizWorld, size: ModelConfig, count: int) -> Callable[[], None]:
    """Writing quizzes, and one agent's vote on them."""
    model = fresh_agent(world, size)
    empty = torch.zeros(count, world.seq_len, dtype=torch.int64)
    free = torch.ones(world.seq_len, dtype=torch.bool)
    draws = torch.Generator().manual_seed(0)
    proposer = np.zeros(count, dtype=np.int16)

    def propose_and_vote() -> None:
        with working_precision():
            tokens = generate(model, empty, free, generator=draws).cpu().numpy()
            quizzes = QuizBatch(
                tokens.astype(np.uint8),
                np.zeros(count, dtype=np.uint8),
                np.full(count, UNKNOWN_TASK, dtype=np.int16),
            )
            vote([model], world, quizzes, proposer)

    return propose_and_vote


@rules.register("benchmark_first_twenty")
@dataclass(frozen=True)
class FirstTwenty(Rule):
    """Keeps quizzes that nobody solves, as tiny agents solve none."""

    def __call__(self, votes: VoteTable) -> Decision:
        keep = np.arange(len(votes.solves)) < 20
        reasons = ["kept" if kept else "not needed" for kept in keep]
        return Decision(keep, np.full(len(keep), -1, dtype=np.int16), reasons)

    def describe(self, n_agents: int) -> str:
        return "it is among the first twenty"


def _rounds(folder: Path) -> Callable[[], None]:
    """A whole round: proposals, votes, the store, and training on what is kept."""
    config = presets["smoke"]()
    config = replace(
        config,
        agents=2,
        rounds=LAST,
        train=replace(config.train, epoch_quizzes=320, max_quizzes=320),
        culture=replace(
            config.culture,
            rule=FirstTwenty(),
            quota=20,
            max_proposals=32,
            shard_batches=1,
        ),
    )
    run = Run.start(folder / "rounds", config, "smoke")
    accelerator = make_accelerator(config.train)
    Population(run, accelerator, 0).train()
    numbers = iter(range(1, LAST + 1))
    return lambda: culture(run, next(numbers), accelerator)


def _megabytes_after(work: Callable[[], None]) -> float:
    work()
    return _megabytes()


def _megabytes() -> float:
    return float(psutil.Process().memory_info().rss / 1e6)
