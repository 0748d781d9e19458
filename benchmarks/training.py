"""One agent in training: the default recipe against the source's, at the same size.

The floor is the arithmetic of a quiz at the speed of a large matrix product in the same number
format.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import torch
from accelerate.state import AcceleratorState

from agents.config import ModelConfig, TrainConfig
from agents.precision import fast_bf16, make_accelerator
from agents.training import Learner, mixed_draw
from benchmarks.measure import Row, device, matrix_flops, seconds
from benchmarks.recipes import recipes
from benchmarks.subjects import learning_flops, subject
from world import Stream, World

PRECISIONS: dict[Literal["bf16", "fp32"], torch.dtype] = {
    "bf16": torch.bfloat16,
    "fp32": torch.float32,
}
BASELINE = "source's recipe, float32"


def rows(quick: bool) -> Iterator[Row]:
    """Quizzes a second of one process."""
    world, size = subject(quick)
    count = 200 if quick else 1600
    model, train = recipes["source"](size)
    baseline = _rate(world, model, train, count)
    model, train = recipes["default"](size)
    for precision, dtype in PRECISIONS.items():
        if dtype is torch.bfloat16 and not fast_bf16(device()):
            continue
        rate = _rate(world, model, replace(train, precision=precision), count)
        flops, ceiling = learning_flops(world, model), matrix_flops(dtype)
        words = f"{flops / 1e6:.0f} MFLOP a quiz at {ceiling / 1e9:.0f} GFLOP/s"
        case = f"default recipe, {precision}"
        yield Row("training", case, rate, "quizzes/s", BASELINE, baseline, ceiling / flops, words)


def _rate(world: World, model: ModelConfig, train: TrainConfig, count: int) -> float:
    # A process has one accelerator; another number format needs another.
    AcceleratorState._reset_state()
    train = replace(train, epoch_quizzes=count // train.batch_size * train.batch_size)
    learner = Learner(model, train, world, Stream(0, "benchmark"), make_accelerator(train))
    draw = mixed_draw(world, learner.stream)

    def epoch() -> None:
        for _ in learner.train_epoch(draw):
            pass

    return train.epoch_quizzes / seconds(epoch)
