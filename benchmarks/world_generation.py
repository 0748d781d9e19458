"""Drawing quizzes of the grids world: whole batches, against one quiz at a time.

The floor is the time to write a batch's bytes (tokens and regions, one byte each) once.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.measure import Row, copied_bytes, seconds
from world import Stream
from world.core.world import TRAIN
from world.grids.world import GridsWorld

WORLDS = {
    "7x7, 2 rectangles": GridsWorld(height=7, width=7),
    "10x10, 3 rectangles": GridsWorld(height=10, width=10, colours=10, rectangles=3),
}
CHUNK = 4096
"""Quizzes asked for at once: about an epoch of the default preset."""
LOOPED = 500
"""Quizzes of the baseline, which makes them one by one."""
BASELINE = "one quiz a call"


def rows(quick: bool) -> Iterator[Row]:
    """Quizzes a second on one thread, of one split and of any."""
    for name, world in WORLDS.items():
        yield from _rows(name, world, CHUNK if quick else 10 * CHUNK, 20 if quick else LOOPED)


def _rows(name: str, world: GridsWorld, count: int, looped: int) -> Iterator[Row]:
    stream = Stream(0, "benchmark")
    rng = np.random.default_rng(0)
    # The first call also fills the tables of masks and rectangles.
    size = world.generate(rng, CHUNK).tokens.nbytes * 2 // CHUNK

    def draw() -> None:
        for start in range(0, count, CHUNK):
            world.draw(stream, start, CHUNK, TRAIN)

    def generate() -> None:
        for _ in range(0, count, CHUNK):
            world.generate(rng, CHUNK)

    def generate_one_by_one() -> None:
        for _ in range(looped):
            world.generate(rng, 1)

    def draw_one_by_one() -> None:
        for _ in range(looped):
            world.generate(rng, 1, world.splits.index(TRAIN))

    floor = copied_bytes() / size
    for what, work, loop in (
        ("drawn from the training split", draw, draw_one_by_one),
        ("generated", generate, generate_one_by_one),
    ):
        yield Row(
            "world",
            f"{name}: {what}",
            count / seconds(work),
            "quizzes/s",
            BASELINE,
            looped / seconds(loop),
            floor,
            f"{size} bytes a quiz, written once",
        )
