"""The typed columns of an exported dataset, and the tables of them.

Files hold plain Arrow types, which every reader knows; the card's metadata says what they are to
Hugging Face datasets (Array2D, ClassLabel), which casts to it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from datasets import Array2D, ClassLabel, Features, List, Value
from numpy.typing import NDArray

from culture_sim.culture.records import quizzes_of
from culture_sim.export.text import to_text
from world import QuizBatch
from world.grids.world import PARTS, GridsWorld

IN_FOLDERS = "split"
"""The store's column that an export says by the folder instead, in the world's finer splits."""


def world_features(world: GridsWorld) -> Features:
    """Of a quiz that the world drew: grids [H, W], tokens [T], and what is known of it."""
    return Features(
        {
            **_quiz_features(world),
            "task": ClassLabel(names=list(world.tasks)),
            "index": Value("int64"),
        }
    )


def culture_features(world: GridsWorld, stored: pa.Schema) -> Features:
    """Of a quiz that agents made: the same, and every column that the store has of it."""
    columns = Features.from_arrow_schema(stored)
    del columns[IN_FOLDERS]
    return Features({**_quiz_features(world), **columns})


def text_features(world: GridsWorld, with_task: bool) -> Features:
    """Of a quiz as text; agents' quizzes have no task."""
    columns = {"prompt": Value("string"), "completion": Value("string")}
    features = _quiz_features(world)
    kept = {name: features[name] for name in ("layout", "hash")}
    task = {"task": Value("string")} if with_task else {}
    return Features({**columns, **task, **kept})


def _quiz_features(world: GridsWorld) -> dict[str, Any]:
    grid = Array2D((world.height, world.width), "uint8")
    names = [layout.name for layout in world.layouts]
    return {
        **dict.fromkeys(PARTS, grid),
        "tokens": List(Value("uint8"), length=world.seq_len),
        "layout": ClassLabel(names=names),
        "hash": Value("string"),
    }


def world_table(world: GridsWorld, batch: QuizBatch, start: int) -> pa.Table:
    """World quizzes ``start ..`` of their split and task, in the layouts they are in."""
    columns = {
        **_quiz_columns(world, batch),
        "task": batch.task,
        "index": np.arange(start, start + len(batch)),
    }
    return _typed(columns, world_features(world))


def culture_table(world: GridsWorld, stored: pa.Table) -> pa.Table:
    """Rows of the store, in the layout they are stored in, 0."""
    batch = quizzes_of(stored)
    kept = {name: stored[name] for name in stored.column_names if name != IN_FOLDERS}
    return _typed({**_quiz_columns(world, batch), **kept}, culture_features(world, stored.schema))


def text_table(world: GridsWorld, batch: QuizBatch, with_task: bool) -> pa.Table:
    """The quizzes as text, each in the order of its layout."""
    prompts, completions = to_text(world, batch)
    columns = {
        "prompt": prompts,
        "completion": completions,
        "layout": batch.layout,
        "hash": _hashes(world, batch),
    }
    if with_task:
        columns["task"] = [world.tasks[task] for task in batch.task]
    return _typed(columns, text_features(world, with_task))


def _quiz_columns(world: GridsWorld, batch: QuizBatch) -> dict[str, Any]:
    grids = world.grids(batch)
    return {
        **{part: _lists(grids[:, i]) for i, part in enumerate(PARTS)},
        "tokens": _lists(batch.tokens),
        "layout": batch.layout,
        "hash": _hashes(world, batch),
    }


def _hashes(world: GridsWorld, batch: QuizBatch) -> list[str]:
    """16 hexadecimal digits each, as in the store."""
    return [f"{value:016x}" for value in world.canonical_hash(batch).tolist()]


def _lists(values: NDArray[Any]) -> pa.Array:
    """An array [B, ...] as nested lists of fixed size."""
    nested = pa.array(values.ravel())
    for size in reversed(values.shape[1:]):
        nested = pa.FixedSizeListArray.from_arrays(nested, size)
    return nested


def _typed(columns: dict[str, Any], features: Features) -> pa.Table:
    """The columns in the order and types of the features."""
    types = [getattr(field.type, "storage_type", field.type) for field in features.arrow_schema]
    schema = pa.schema(list(zip(features, types, strict=True)))
    return pa.table({name: columns[name] for name in schema.names}).cast(schema)
