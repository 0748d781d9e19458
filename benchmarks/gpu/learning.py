"""An agent of the published size learning by one recipe, towards 95 % as far as the time goes.

After every epoch a line says where it is. The floor of the seconds is the arithmetic of the
quizzes at the speed of a large product, so the share of it is the model FLOPs utilisation, with
compilation and evaluation included.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from math import inf
from typing import Any, Literal

from accelerate.state import AcceleratorState

from agents.precision import choose_formats
from benchmarks.gpu.parts import Figures, Note, Setting, one_line
from benchmarks.gpu.size import number_format, published
from benchmarks.learning import learn
from benchmarks.measure import Row, device, matrix_flops
from benchmarks.recipes import recipes
from benchmarks.subjects import learning_flops
from culture_sim.run.config import RunConfig

ENDING = 0.04
"""Share of the time that is kept for the last evaluation."""
TINY_S = 2.0


def default(setting: Setting) -> Figures:
    """The default recipe."""
    return _learning(setting, "default")


def source(setting: Setting) -> Figures:
    """The source's recipe, in its own number format."""
    return _learning(setting, "source")


def _learning(setting: Setting, name: str) -> Figures:
    config, line = published(setting), None
    choice: Literal["auto", "off"] = "auto" if setting.compiles else "off"
    try:
        for line in _lines(setting, name, config, choice):
            yield _note(name, line)
    except Exception as error:
        if line is not None or choice == "off":
            raise
        yield Note(f"{name} recipe, compiled: {one_line(error)}; again without torch.compile")
        for line in _lines(setting, name, config, "off"):
            yield _note(name, line)
    if line is not None:
        yield from _rows(name, config, line)


def _lines(
    setting: Setting, name: str, config: RunConfig, choice: Literal["auto", "off"]
) -> Iterator[dict[str, Any]]:
    AcceleratorState._reset_state()
    config = replace(config, train=replace(config.train, compile=choice))
    budget = min(setting.left() * (1 - ENDING), TINY_S if setting.tiny else inf)
    return learn(name, 0, config, budget, time.perf_counter)


def _note(name: str, line: dict[str, Any]) -> Note:
    words = [
        f"{name} recipe: {line['quizzes']:,} quizzes",
        f"{line['seconds']:.1f} s",
        f"{line['accuracy']:.1%} of {line['of']} unseen quizzes",
        f"loss {line['loss']:.4f} nats",
    ]
    return Note(", ".join(words), line)


def _rows(name: str, config: RunConfig, line: dict[str, Any]) -> Figures:
    model, train = recipes[name](config.model)
    bf16 = choose_formats(train, device()).network == "bf16"
    flops = learning_flops(config.world, model)
    dtype, written = number_format(bf16)
    ceiling = matrix_flops(dtype)
    words = f"{flops / 1e9:.3g} GFLOP a quiz at {ceiling / 1e12:.3g} TFLOP/s in {written}"
    where = "reached" if line["reached"] else f"stopped at {line['accuracy']:.1%}"
    case, spent, quizzes = f"{name} recipe, {where}", line["seconds"], line["quizzes"]
    floor = quizzes * flops / ceiling
    yield Row("time to 95 %", case, spent, "s", floor=floor, floor_of=words, better="less")
    yield Row("time to 95 %", case, quizzes, "quizzes", better="less")
