"""What is to be written: every split of every task, and of every culture round, and its rows.

A part's rows are addressed by index, so that an export goes on where it was interrupted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from culture_sim.culture.records import quizzes_of
from culture_sim.culture.store import CultureStore
from culture_sim.export.schema import culture_table, text_table, world_table
from world import QuizBatch, Stream
from world.grids.world import GridsWorld

HELD_OUT_SHARE = 10
"""One in so many quizzes is for each of the splits but "train", as hashes distribute them."""
KEPT, REJECTED = "kept", "rejected"
"""Folders of culture quizzes by the decision on them."""

Tables = dict[str, pa.Table]
"""The same quizzes for each of some collections (folders of data/): "world", "text", ..."""


@dataclass(frozen=True)
class Part:
    """Quizzes that are written to one folder of each of some collections.

    collections: such as ("world", "text"). folder: within each, such as "train/frame". stem: what
    names of files begin with. size: quizzes. read: the tables of quizzes start .. stop.
    """

    collections: tuple[str, ...]
    folder: str
    stem: str
    size: int
    read: Callable[[int, int], Tables]


def world_parts(world: GridsWorld, seed: int, quizzes: int, text: bool) -> list[Part]:
    """``quizzes`` in all, spread evenly over the tasks within each split."""
    held_out = quizzes // HELD_OUT_SHARE
    sizes = dict.fromkeys(GridsWorld.splits, held_out)
    sizes["train"] = quizzes - held_out * (len(GridsWorld.splits) - 1)
    parts = []
    for split, size in sizes.items():
        each, more = divmod(size, len(world.tasks))
        for task, name in enumerate(world.tasks):
            read = partial(_world_tables, world, seed, split, task, text)
            collections = ("world", "text") if text else ("world",)
            parts.append(Part(collections, f"{split}/{name}", "", each + (task < more), read))
    return [part for part in parts if part.size]


def draw_task(
    world: GridsWorld, seed: int, split: str, task: int, start: int, stop: int
) -> QuizBatch:
    """Quizzes start .. stop of a split and task (its index), in all answer layouts in turn."""
    stream = Stream(seed, f"dataset/{world.tasks[task]}")
    alone = np.eye(len(world.tasks))[task]
    batch = world.draw(stream, start, stop - start, split, alone.tolist())
    return _in_answer_layouts(world, batch, start)


def _world_tables(
    world: GridsWorld, seed: int, split: str, task: int, text: bool, start: int, stop: int
) -> Tables:
    batch = draw_task(world, seed, split, task, start, stop)
    tables = {"world": world_table(world, batch, start)}
    return {**tables, "text": text_table(world, batch, True)} if text else tables


def _in_answer_layouts(world: GridsWorld, batch: QuizBatch, start: int) -> QuizBatch:
    layouts = np.array(world.answer_layouts, dtype=np.uint8)
    return world.arrange(batch, layouts[(start + np.arange(len(batch))) % len(layouts)])


def culture_parts(world: GridsWorld, folder: Path, text: bool) -> list[Part]:
    """Every quiz that a run's agents voted on; as text only those that were kept."""
    parts = []
    for number in CultureStore(folder).rounds():
        for split in GridsWorld.splits:
            for decision in (KEPT, REJECTED):
                where = (world, folder, number, split, decision)
                collections = ("culture", "culture-text") if text else ("culture",)
                part = Part(
                    collections if decision == KEPT else ("culture",),
                    f"{split}/{decision}",
                    f"round-{number:04d}-",
                    len(_stored(*where)),
                    partial(_culture_tables, *where, text),
                )
                parts.append(part)
    return [part for part in parts if part.size]


def _culture_tables(
    world: GridsWorld,
    folder: Path,
    number: int,
    split: str,
    decision: str,
    text: bool,
    start: int,
    stop: int,
) -> Tables:
    stored = _stored(world, folder, number, split, decision)[start:stop]
    tables = {"culture": culture_table(world, stored)}
    if not text or decision == REJECTED:
        return tables
    batch = _in_answer_layouts(world, quizzes_of(stored), start)
    return {**tables, "culture-text": text_table(world, batch, False)}


@lru_cache(maxsize=1)
def _stored(world: GridsWorld, folder: Path, number: int, split: str, decision: str) -> pa.Table:
    """The quizzes of a round, of one of the world's splits, that were kept or rejected."""
    table = CultureStore(folder).table(number)
    here = world.split_of(quizzes_of(table)) == world.splits.index(split)
    kept = np.asarray(table["keep"]) == (decision == KEPT)
    return table.filter(pa.array(here & kept))
