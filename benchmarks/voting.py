"""An agent's vote on a quiz in both directions: one pass each, against decoding the answers.

Under greedy decoding both say the same. The floor is the arithmetic of the two passes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from agents.config import ModelConfig
from agents.scoring import answers
from benchmarks.measure import Row, matrix_flops, seconds
from benchmarks.subjects import (
    forward_flops,
    fresh_agent,
    some_quizzes,
    subject,
    working_dtype,
    working_precision,
)
from culture_sim.culture.votes import vote
from world import QuizWorld


def rows(quick: bool) -> Iterator[Row]:
    """Quizzes a second of one agent's vote."""
    world, size = subject(quick)
    yield from rates(world, size, 64 if quick else 512)


def rates(world: QuizWorld, size: ModelConfig, count: int) -> Iterator[Row]:
    """The same for a network of this size that votes on so many quizzes."""
    model, quizzes = fresh_agent(world, size), some_quizzes(world, count)
    nobody = np.zeros(count, dtype=np.int16)

    def decode() -> None:
        for direction in world.directions:
            answers(model, world, world.arrange(quizzes, direction))

    with working_precision():
        voted = count / seconds(lambda: vote([model], world, quizzes, nobody))
        decoded = count / seconds(decode)
    passes = len(world.directions) * forward_flops(model, world.seq_len, world.seq_len / 2)
    floor = matrix_flops(working_dtype()) / passes
    yield Row(
        "voting",
        "one agent, both directions",
        voted,
        "quizzes/s",
        "greedy decoding with a cache",
        decoded,
        floor,
        "arithmetic of two passes",
    )
