"""One agent's vote in both directions, as a run asks for it and with more quizzes at a time."""

from __future__ import annotations

from functools import partial

import torch

from agents.scoring import score
from benchmarks.gpu.parts import Figures, Note, Setting
from benchmarks.gpu.size import published
from benchmarks.measure import Row, matrix_flops, seconds
from benchmarks.subjects import (
    forward_flops,
    fresh_agent,
    some_quizzes,
    working_dtype,
    working_precision,
)
from benchmarks.voting import rates
from culture_sim.culture.votes import ask

QUIZZES = 1024
BATCHES = (256, 1024)
"""Passes together, where a run takes 64."""


def figures(setting: Setting) -> Figures:
    """Quizzes a second: by the run's own function, then of its passes in larger batches."""
    config = published(setting)
    world, count = config.quiz_world, 16 if setting.tiny else QUIZZES
    usual = None
    for row in rates(world, config.model, count):
        usual = usual or row.value
        yield row
    model = fresh_agent(world, config.model)
    asked = ask(world, some_quizzes(world, count))
    passes = len(world.directions) * forward_flops(model, world.seq_len, world.seq_len / 2)
    for batch in BATCHES[:1] if setting.tiny else BATCHES:
        if setting.left() <= 0:
            yield Note(f"{batch} passes at a time: no time left")
            return
        try:
            with working_precision():
                spent = seconds(partial(score, model, world, asked, batch_size=batch))
        except torch.OutOfMemoryError:
            yield Note(f"{batch} passes at a time: no memory")
            return
        yield Row(
            "voting",
            f"one agent, both directions, {batch} passes at a time",
            count / spent,
            "quizzes/s",
            "as a run votes",
            usual,
            matrix_flops(working_dtype()) / passes,
            "arithmetic of two passes",
        )
