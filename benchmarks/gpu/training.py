"""Steps of both recipes: at their own batch and at larger ones, as written and compiled.

The floor is the arithmetic of a quiz at the speed of a large matrix product in the same number
format, so the share of it is the model FLOPs utilisation. Each is measured on a fresh agent. The
first step of a compiled one, in which the compiler works, is a row of its own.
"""

from __future__ import annotations

import gc
import sys
import time
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

import torch
from accelerate.state import AcceleratorState

from agents.precision import make_accelerator
from agents.training import Learner, mixed_draw
from benchmarks.gpu.parts import Figures, Note, Setting, one_line
from benchmarks.gpu.size import number_format, published
from benchmarks.measure import Row, device, matrix_flops, synchronize
from benchmarks.recipes import recipes
from benchmarks.subjects import learning_flops
from world import Stream

PAIR = ("default", "source")
LARGER, TINY = (128, 256, 512, 1024), (64,)
"""Batches that are tried, in order, until one is no faster or finds no memory."""
GAIN = 1.03
"""How much faster a larger batch must be for a still larger one to be tried."""
WARM_UP = 5
"""Steps before the clock starts."""
SPAN_S = 4.0
"""How long steps are counted."""
STEPS = 100_000
"""More steps than fit in that."""


@dataclass(frozen=True)
class Speed:
    """quizzes: a second. first: seconds of the first step. step: seconds of a later one.

    flops: of a quiz. ceiling: FLOP/s of a large product in ``number_format``. memory: bytes at
    the most.
    """

    batch: int
    quizzes: float
    first: float
    step: float
    flops: float
    ceiling: float
    number_format: str
    memory: int


def figures(setting: Setting) -> Figures:
    """Quizzes a second, the most telling first."""
    speeds = Speeds(setting)
    for name in PAIR:
        yield from speeds.measure(name, None, False)
    for name in PAIR:
        if setting.compiles:
            yield from speeds.measure(name, None, True)
        yield from speeds.larger(name)
    for name in PAIR:
        if setting.compiles and speeds.grown(name):
            yield from speeds.measure(name, speeds.best[name].batch, True)


class Speeds:
    """Measures, and remembers the first speed of every recipe and the best as it is written."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.last: Speed | None = None
        self.first: dict[str, Speed] = {}
        self.best: dict[str, Speed] = {}

    def measure(self, name: str, batch: int | None, compiles: bool) -> Figures:
        """Rows of a recipe at a batch, its own by default; a line when it fails."""
        self.last, way = None, "compiled" if compiles else "as written"
        if self.setting.left() <= 0:
            yield Note(f"{name} recipe, batch {batch or 'its own'}, {way}: no time left")
            return
        try:
            speed = _speed(self.setting, name, batch, compiles)
        except Exception as error:  # a compiler may raise anything; the others can go on
            yield Note(f"{name} recipe, batch {batch or 'its own'}, {way}: {one_line(error)}")
            return
        finally:
            _let_go()
        self.last, first = speed, self.first.setdefault(name, speed)
        if not compiles:
            self.best[name] = max(self.best.get(name, speed), speed, key=lambda s: s.quizzes)
        yield from _rows(f"{name} recipe, batch {speed.batch}, {way}", speed, first, compiles)

    def larger(self, name: str) -> Figures:
        """Rows of larger batches, while that helps."""
        before = self.first[name].quizzes if name in self.first else 0.0
        for batch in TINY if self.setting.tiny else LARGER:
            yield from self.measure(name, batch, False)
            now = self.last.quizzes if self.last else 0.0
            if now < GAIN * before:
                return
            before = now

    def grown(self, name: str) -> bool:
        """Whether a larger batch was faster than the recipe's own."""
        return name in self.best and self.best[name].batch > self.first[name].batch


def _rows(case: str, speed: Speed, first: Speed, compiled: bool) -> Figures:
    other = speed is not first
    words = f"{speed.flops / 1e9:.3g} GFLOP a quiz at {speed.ceiling / 1e12:.3g} TFLOP/s"
    yield Row(
        "training",
        case,
        speed.quizzes,
        "quizzes/s",
        f"batch {first.batch}, as written" if other else "",
        first.quizzes if other else None,
        speed.ceiling / speed.flops,
        f"{words} in {speed.number_format}",
    )
    if compiled:
        spent = max(speed.first - speed.step, 0.0)
        yield Row("training: warm-up", case, spent, "s", better="less")
    if speed.memory:
        yield Row("training: memory", case, speed.memory / 1e9, "GB", better="less")


def _speed(setting: Setting, name: str, batch: int | None, compiles: bool) -> Speed:
    # A process has one accelerator; another number format needs another.
    AcceleratorState._reset_state()
    config = published(setting)
    model, train = recipes[name](config.model)
    batch = batch or train.batch_size
    choice: Literal["on", "off"] = "on" if compiles else "off"
    train = replace(train, batch_size=batch, epoch_quizzes=STEPS * batch, compile=choice)
    learner = Learner(model, train, config.world, Stream(0, "benchmark"), make_accelerator(train))
    span = 0.1 if setting.tiny else SPAN_S
    if device().type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    first, step = _step_seconds(learner, span)
    memory = torch.cuda.max_memory_allocated() if device().type == "cuda" else 0
    dtype, words = number_format(learner.accelerator.mixed_precision == "bf16")
    flops, ceiling = learning_flops(config.world, model), matrix_flops(dtype)
    return Speed(batch, batch / step, first, step, flops, ceiling, words, memory)


def _step_seconds(learner: Learner, span: float) -> tuple[float, float]:
    """Seconds of the first step, and of a later one on average over ``span`` seconds."""
    steps = learner.train_epoch(mixed_draw(learner.world, learner.stream))
    began = time.perf_counter()
    next(steps)
    synchronize()
    first = time.perf_counter() - began
    for _ in islice(steps, WARM_UP):
        pass
    synchronize()
    began, count = time.perf_counter(), 0
    while time.perf_counter() < began + span:
        next(steps)
        count += 1
    synchronize()
    spent = time.perf_counter() - began
    steps.close()  # type: ignore[attr-defined]
    return first, spent / count


def _let_go() -> None:
    """Free what the last agent held, and forget what was compiled for it."""
    if "torch._dynamo" in sys.modules:  # which takes seconds to load
        torch._dynamo.reset()
    if device().type == "cuda":
        gc.collect()
        torch.cuda.empty_cache()
