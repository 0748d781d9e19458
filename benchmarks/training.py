"""One agent in training: the default recipe against the source's, and Muon against torch's.

The floor is the arithmetic of a quiz, or of an optimiser's step, at the speed of a large matrix
product in the same number format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from agents.config import ModelConfig, TrainConfig
from agents.hooks import HookPoint
from agents.model import AgentModel, build_model
from agents.muon import STEPS, Muon
from agents.precision import DTYPES, Format, choose_formats, fastest_formats, make_accelerator
from agents.training import Learner, mixed_draw
from benchmarks.measure import Row, device, matrix_flops, seconds, side_by_side
from benchmarks.recipes import recipes
from benchmarks.subjects import learning_flops, subject
from world import Stream, World

BASELINE = "source's recipe, float32"
TORCHS = "torch.optim.Muon"
MS = "processor ms"


def rows(quick: bool) -> Iterator[Row]:
    """Quizzes a second of one process, and Muon's steps a second."""
    world, size = subject(quick)
    count = 200 if quick else 1600
    model, train = recipes["source"](size)
    baseline = _rate(world, model, train, count)
    model, train = recipes["default"](size)
    for chosen in _formats():
        rate = _rate(world, model, replace(train, precision=chosen), count)
        flops, ceiling = learning_flops(world, model), matrix_flops(DTYPES[chosen])
        words = f"{flops / 1e6:.0f} MFLOP a quiz at {ceiling / 1e9:.0f} GFLOP/s"
        case = f"default recipe, {chosen}"
        yield Row("training", case, rate, "quizzes/s", BASELINE, baseline, ceiling / flops, words)
    # The last number format once more, with and without what is paid for where nothing is hooked.
    bare = _rate(
        world, model, replace(train, precision=chosen), count, prepare=_without_hook_points
    )
    case = f"hook points, none in use, {chosen}"
    yield Row("training", case, rate, "quizzes/s", "no hook points", bare, ceiling / flops, words)
    yield _step_row(world, model, train, count)
    yield from _muon_rows(world, model)


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


def _formats() -> list[Format]:
    """Those worth measuring: emulated bf16 takes minutes."""
    slow = fastest_formats(device()).network == "fp32"
    return ["fp32"] if slow else ["bf16", "fp32"]


def _step_row(world: World, model: ModelConfig, train: TrainConfig, count: int) -> Row:
    """A training step as it is here, and with PyTorch's Muon."""
    learners = [_learner(world, model, train, count) for _ in range(2)]
    muon = learners[1].optimizers["muon"]
    learners[1].optimizers["muon"] = torchs_muon(muon.param_groups[0]["params"])
    spent = side_by_side([partial(_epoch, learner) for learner in learners])
    here, theirs = (1000 * s * train.batch_size / learners[0].config.epoch_quizzes for s in spent)
    formats = choose_formats(train, device())
    case = f"step of the default recipe, {formats}"
    flops = train.batch_size * learning_flops(world, model)
    ceiling = matrix_flops(DTYPES[formats.network])
    words = f"{flops / 1e9:.1f} GFLOP at {ceiling / 1e9:.0f} GFLOP/s, without Muon's"
    floor = 1000 * flops / ceiling
    return Row("training", case, here, MS, TORCHS, theirs, floor, words, better="less")


def _muon_rows(world: World, size: ModelConfig) -> Iterator[Row]:
    """Muon's step on the network's matrices in every format."""
    model = build_model(size, world, seed=0).to(device())
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2]
    for matrix in matrices:
        matrix.grad = torch.randn_like(matrix)
    flops = sum(map(_newton_schulz_flops, matrices))
    formats = _formats()
    ours = [Muon(matrices, lr=0.01, momentum=0.9, dtype=DTYPES[chosen]) for chosen in formats]
    steps = [muon.step for muon in (torchs_muon(matrices), *ours)]
    baseline, *spent = side_by_side(steps, 10)
    for chosen, seconds_here in zip(formats, spent, strict=True):
        ceiling = matrix_flops(DTYPES[chosen])
        words = f"{flops / 1e6:.0f} MFLOP at {ceiling / 1e9:.0f} GFLOP/s"
        case = f"Muon's part of a step, Newton-Schulz in {chosen}"
        figures = (1000 * seconds_here, MS, TORCHS, 1000 * baseline, 1000 * flops / ceiling, words)
        yield Row("training", case, *figures, better="less")


def _newton_schulz_flops(matrix: nn.Parameter) -> float:
    """Of one matrix: three products a step of the iteration, one of them between squares."""
    short, long = sorted(matrix.shape)
    return STEPS * (2.0 * short**3 + 4.0 * short**2 * long)


def torchs_muon(matrices: list[nn.Parameter]) -> torch.optim.Muon:
    """The same optimiser as PyTorch has it, with bf16 whatever the device."""
    return torch.optim.Muon(matrices, lr=0.01, momentum=0.9, weight_decay=0.0)


def _rate(
    world: World,
    model: ModelConfig,
    train: TrainConfig,
    count: int,
    prepare: Callable[[AgentModel], None] = lambda model: None,
) -> float:
    """Quizzes a second. prepare: what is done to the model first."""
    learner = _learner(world, model, train, count)
    prepare(learner.model)
    return learner.config.epoch_quizzes / seconds(partial(_epoch, learner))


def _learner(world: World, model: ModelConfig, train: TrainConfig, count: int) -> Learner:
    """An agent with epochs of about ``count`` quizzes."""
    train = replace(train, epoch_quizzes=count // train.batch_size * train.batch_size)
    return Learner(model, train, world, Stream(0, "benchmark"), make_accelerator(train))


def _epoch(learner: Learner) -> None:
    for _ in learner.train_epoch(mixed_draw(learner.world, learner.stream)):
        pass
