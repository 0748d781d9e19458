"""Which quizzes a dataset holds: those that a world draws, and those that a run's agents made.

Both are addressed by index: equal options give equal quizzes, whatever the files they are cut into.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from culture_sim.culture.records import quizzes_of
from culture_sim.culture.store import CultureStore
from world import QuizBatch, QuizWorld, Stream
from world.core.world import TRAIN

HELD_OUT_SHARE = 10
"""One in so many quizzes is for each of the splits but "train", as hashes distribute them."""
SHARD = 50_000
"""Quizzes in a file, and in memory, at most."""
KEPT, REJECTED = "kept", "rejected"
"""Folders of culture quizzes by the decision on them."""


@dataclass(frozen=True)
class Drawn:
    """Quizzes start .. stop of a split and a task (its index), for one file."""

    split: str
    task: int
    start: int
    stop: int


def world_shards(world: QuizWorld, quizzes: int) -> list[Drawn]:
    """``quizzes`` in all, spread evenly over the tasks that each split has."""
    held_out = quizzes // HELD_OUT_SHARE
    sizes = dict.fromkeys(world.splits, held_out)
    sizes[TRAIN] = quizzes - held_out * (len(world.splits) - 1)
    shards = []
    for split, size in sizes.items():
        tasks = world.tasks_in(split)
        of_task, more = divmod(size, len(tasks))
        for place, task in enumerate(tasks):
            stop = of_task + (place < more)
            starts = range(0, stop, SHARD)
            shards += [Drawn(split, task, k, min(k + SHARD, stop)) for k in starts]
    return shards


def draw_task(
    world: QuizWorld, seed: int, split: str, task: int, start: int, stop: int
) -> QuizBatch:
    """Quizzes start .. stop of a split and task (its index), in all answer layouts in turn."""
    stream = Stream(seed, f"dataset/{world.tasks[task]}")
    alone = np.eye(len(world.tasks))[task]
    batch = world.draw(stream, start, stop - start, split, alone.tolist())
    return world.for_exam(batch, start)


def culture_shards(
    world: QuizWorld, store: CultureStore
) -> Iterator[tuple[int, str, str, pa.Table]]:
    """Every quiz that agents voted on: its round, split of the world, KEPT or REJECTED; rows."""
    for number in store.rounds():
        table = store.table(number)
        split = world.split_of(quizzes_of(table))
        kept = np.asarray(table["keep"])
        for index, name in enumerate(world.splits):
            for decision in (KEPT, REJECTED):
                rows = np.flatnonzero((split == index) & (kept == (decision == KEPT)))
                if len(rows):
                    yield number, name, decision, table.take(rows)
