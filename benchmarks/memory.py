"""Resident memory while an agent goes on learning, and while quizzes are written and voted on.

Flat means a ratio of 1: as much after many epochs as after a few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import psutil
import torch
from accelerate.state import AcceleratorState

from agents.config import ModelConfig
from agents.generation import generate
from agents.precision import make_accelerator
from agents.training import Learner, mixed_draw, unseen_quizzes
from benchmarks.measure import Row
from benchmarks.recipes import recipes
from benchmarks.subjects import fresh_agent, subject, working_precision
from culture_sim.votes import vote
from world import UNKNOWN_TASK, QuizBatch, Stream, World

FIRST, LAST = 3, 15
"""Repeats after which memory is looked at."""


def rows(quick: bool) -> Iterator[Row]:
    """Megabytes after many repeats, beside those after a few."""
    world, size = subject(quick)
    count = 64 if quick else 640
    works = {
        f"training, epochs of {count} quizzes": _training(world, size, count),
        f"writing and voting on {count // 4} quizzes": _culture(world, size, count // 4),
    }
    for name, work in works.items():
        seen = [_megabytes_after(work) for _ in range(LAST)]
        yield Row(
            "memory",
            f"{name}, {LAST} times",
            seen[-1],
            "MB",
            f"after {FIRST} times",
            seen[FIRST - 1],
            better="less",
        )


def _training(world: World, size: ModelConfig, count: int) -> Callable[[], None]:
    """One epoch and an evaluation."""
    AcceleratorState._reset_state()
    model, train = recipes["default"](size)
    train = replace(train, epoch_quizzes=count)
    learner = Learner(model, train, world, Stream(0, "benchmark"), make_accelerator(train))
    draw = mixed_draw(world, learner.stream)
    gate = unseen_quizzes(world, Stream(0, "benchmark-gate"), count)

    def epoch() -> None:
        for _ in learner.train_epoch(draw):
            pass
        learner.evaluate(gate)

    return epoch


def _culture(world: World, size: ModelConfig, count: int) -> Callable[[], None]:
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


def _megabytes_after(work: Callable[[], None]) -> float:
    work()
    return float(psutil.Process().memory_info().rss / 1e6)
