"""One agent in training: the default recipe against the source's, and Muon against torch's.

The floor is the arithmetic of a quiz, or of an optimiser's step, at the speed of a large matrix
product in the same number format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from accelerate.state import AcceleratorState
from torch import Tensor, nn

from agents.config import ModelConfig, TrainConfig
from agents.hooks import HookPoint
from agents.model import AgentModel, build_model
from agents.muon import STEPS, Muon
from agents.precision import DTYPES, Format, fastest_formats, make_accelerator
from agents.training import Learner, mixed_draw
from benchmarks.measure import Row, device, matrix_flops, seconds
from benchmarks.recipes import recipes
from benchmarks.subjects import learning_flops, subject
from world import Stream, World

BASELINE = "source's recipe, float32"
TORCHS = "torch.optim.Muon"


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
    here, with_torchs = _rate(world, model, train, count), _rate(world, model, train, count, True)
    yield Row(
        "training", "default recipe, formats by measuring", here, "quizzes/s", TORCHS, with_torchs
    )
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


def _muon_rows(world: World, size: ModelConfig) -> Iterator[Row]:
    """Muon's step on the network's matrices in every format."""
    model = build_model(size, world, seed=0).to(device())
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2]
    for matrix in matrices:
        matrix.grad = torch.randn_like(matrix)
    flops = sum(map(_newton_schulz_flops, matrices))
    theirs = torchs_muon(matrices, lr=0.01, momentum=0.9)
    baseline = 1 / seconds(theirs.step, 10)
    for chosen in _formats():
        ours = Muon(matrices, lr=0.01, momentum=0.9, dtype=DTYPES[chosen])
        ceiling = matrix_flops(DTYPES[chosen])
        words = f"{flops / 1e6:.0f} MFLOP a step at {ceiling / 1e9:.0f} GFLOP/s"
        case, value = f"Muon's step, Newton-Schulz in {chosen}", 1 / seconds(ours.step, 10)
        yield Row("training", case, value, "steps/s", TORCHS, baseline, ceiling / flops, words)


def _newton_schulz_flops(matrix: nn.Parameter) -> float:
    """Of one matrix: three products a step of the iteration, one of them between squares."""
    short, long = sorted(matrix.shape)
    return STEPS * (2.0 * short**3 + 4.0 * short**2 * long)


def torchs_muon(matrices: list[nn.Parameter], lr: float, momentum: float) -> torch.optim.Muon:
    """The same optimiser as PyTorch has it, with bf16 whatever the device."""
    return torch.optim.Muon(matrices, lr=lr, momentum=momentum, weight_decay=0.0)


def _rate(
    world: World,
    model: ModelConfig,
    train: TrainConfig,
    count: int,
    torchs: bool = False,
    prepare: Callable[[AgentModel], None] = lambda model: None,
) -> float:
    """Quizzes a second; torchs: with PyTorch's Muon. prepare: what is done to the model first."""
    # A process has one accelerator; another number format needs another.
    AcceleratorState._reset_state()
    train = replace(train, epoch_quizzes=count // train.batch_size * train.batch_size)
    learner = Learner(model, train, world, Stream(0, "benchmark"), make_accelerator(train))
    prepare(learner.model)
    if torchs:
        matrices = learner.optimizers["muon"].param_groups[0]["params"]
        learner.optimizers["muon"] = torchs_muon(matrices, train.learning_rate, train.momentum)
    draw = mixed_draw(world, learner.stream)

    def epoch() -> None:
        for _ in learner.train_epoch(draw):
            pass

    return train.epoch_quizzes / seconds(epoch)
