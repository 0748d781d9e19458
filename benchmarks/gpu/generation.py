"""Writing whole quizzes with a cache of keys and values, so many at a time.

The floor is the arithmetic of one pass over the tokens.
"""

from __future__ import annotations

from functools import partial

import torch

from agents.generation import generate
from benchmarks.gpu.parts import Figures, Note, Setting
from benchmarks.gpu.size import published
from benchmarks.measure import Row, matrix_flops, seconds
from benchmarks.subjects import forward_flops, fresh_agent, working_dtype, working_precision

BATCHES = (256, 1024, 4096)
"""What a run writes together, and more."""
TINY = (4, 8)


def figures(setting: Setting) -> Figures:
    """Quizzes a second at every batch."""
    config = published(setting)
    world, model = config.world, fresh_agent(config.world, config.model)
    free = torch.ones(world.seq_len, dtype=torch.bool)
    floor = matrix_flops(working_dtype()) / forward_flops(model, world.seq_len, world.seq_len / 2)
    first = None
    for batch in TINY if setting.tiny else BATCHES:
        if setting.left() <= 0:
            yield Note(f"{batch} at a time: no time left")
            return
        empty = torch.zeros(batch, world.seq_len, dtype=torch.int64)
        draws = torch.Generator().manual_seed(0)
        try:
            with working_precision():
                write = partial(generate, generator=draws, batch_size=batch)
                spent = seconds(partial(write, model, empty, free), 2)
        except torch.OutOfMemoryError:
            yield Note(f"{batch} at a time: no memory")
            return
        yield Row(
            "generation",
            f"whole quizzes, {batch} at a time",
            batch / spent,
            "quizzes/s",
            "the first of these" if first else "",
            first,
            floor,
            "arithmetic of one pass",
        )
        first = first or batch / spent
