"""One agent in training: the default recipe against the source's, at the same size.

The floor is the arithmetic of a quiz at the speed of a large matrix product in the same number
format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal

import torch
from accelerate.state import AcceleratorState
from torch import Tensor

from agents.config import ModelConfig, TrainConfig
from agents.hooks import HookPoint
from agents.model import AgentModel
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
    # The last number format once more, with and without what is paid for where nothing is hooked.
    bare = _rate(world, model, replace(train, precision=precision), count, _without_hook_points)
    case = f"hook points, none in use, {precision}"
    yield Row("training", case, rate, "quizzes/s", "no hook points", bare, ceiling / flops, words)


def _without_hook_points(model: AgentModel) -> None:
    """In their place, functions that give back what they are given."""
    for module in model.modules():
        for name, child in [*module.named_children()]:
            if isinstance(child, HookPoint):
                delattr(module, name)
                # In the dictionary itself: an attribute of a module that is no module.
                module.__dict__[name] = _same


def _same(x: Tensor) -> Tensor:
    return x


def _rate(
    world: World,
    model: ModelConfig,
    train: TrainConfig,
    count: int,
    prepare: Callable[[AgentModel], None] = lambda model: None,
) -> float:
    """prepare: what is done to the model before it is trained."""
    # A process has one accelerator; another number format needs another.
    AcceleratorState._reset_state()
    train = replace(train, epoch_quizzes=count // train.batch_size * train.batch_size)
    learner = Learner(model, train, world, Stream(0, "benchmark"), make_accelerator(train))
    prepare(learner.model)
    draw = mixed_draw(world, learner.stream)

    def epoch() -> None:
        for _ in learner.train_epoch(draw):
            pass

    return train.epoch_quizzes / seconds(epoch)
