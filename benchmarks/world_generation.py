"""Drawing quizzes of the grids world: whole batches against one quiz at a time.

Run: python benchmarks/world_generation.py [quizzes]

Ratios compare runs of the same process on one thread. The floor is the time to write the bytes
of the batch (tokens and regions, one byte each) once, at the speed of np.copyto here.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

from world import Stream
from world.worlds.grids import GridsWorld

WORLDS = {
    "6x6, 2 rectangles": GridsWorld(),
    "10x10, 3 rectangles": GridsWorld(height=10, width=10, colours=10, rectangles=3),
}
CHUNK = 4096
"""Quizzes asked for at once: an epoch's worth of the default preset."""
LOOPED = 500
"""Quizzes of the baseline, which makes them one by one."""
REPEATS = 3
BASELINE = "baseline: one quiz a call"


def best(work: Callable[[], object]) -> float:
    """Seconds of the fastest of a few repeats."""
    spent = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        spent.append(time.perf_counter() - began)
    return min(spent)


def measure(name: str, world: GridsWorld, count: int) -> None:
    """Print quizzes a second of drawing, its parts, the baseline and the floor."""
    stream = Stream(0, "benchmark")
    rng = np.random.default_rng(0)
    quizzes = world.generate(rng, count)  # also fills the tables of masks and rectangles

    def draw() -> None:
        for start in range(0, count, CHUNK):
            world.draw(stream, start, min(CHUNK, count - start), "train")

    def generate() -> None:
        for start in range(0, count, CHUNK):
            world.generate(rng, min(CHUNK, count - start))

    def one_by_one() -> None:
        for _ in range(LOOPED):
            quiz = world.generate(rng, 1)
            world.split(world.canonical_hash(quiz))

    size = quizzes.tokens.nbytes * 2
    source, target = np.zeros(size, dtype=np.uint8), np.ones(size, dtype=np.uint8)
    rates = {
        "draw: generate, hash, split": count / best(draw),
        "  generate alone": count / best(generate),
        "  canonical hash alone": count / best(lambda: world.canonical_hash(quizzes)),
        BASELINE: LOOPED / best(one_by_one),
        f"floor: {size // count} bytes a quiz": count / best(lambda: np.copyto(target, source)),
    }
    baseline = rates[BASELINE]
    print(name)
    for what, rate in rates.items():
        print(f"  {what:34} {rate:14,.0f} quizzes/s  {rate / baseline:10.1f} x")


def main() -> None:
    """Measure every world."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 40_960
    for name, world in WORLDS.items():
        measure(name, world, count)


if __name__ == "__main__":
    main()
