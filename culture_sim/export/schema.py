"""The typed columns of an exported dataset, for any world.

Hugging Face ``datasets`` finds the types in the files themselves; other readers find the plain
Arrow types below them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from datasets import Array2D, ClassLabel, Dataset, Features, List, Value

from culture_sim.culture.records import quizzes_of
from culture_sim.export.text import to_text
from world import Piece, QuizBatch, QuizWorld

IN_FOLDERS = "split"
"""The store's column that an export says by the folder instead, in the world's finer splits."""


def piece_columns(world: QuizWorld) -> dict[str, Piece]:
    """The pieces of a quiz by the names of their columns: those in the name of layout 0."""
    return dict(zip(world.layouts[0].name.split(","), world.view.pieces, strict=True))


def world_features(world: QuizWorld) -> Features:
    """Of a quiz that the world drew: its pieces, tokens [T], and what is known of it."""
    task = {"task": ClassLabel(names=list(world.tasks)), "index": Value("int64")}
    return Features({**_quiz_features(world), **task})


def culture_features(world: QuizWorld, stored: pa.Schema) -> Features:
    """Of a quiz that agents made: the same, and every column that the store has of it."""
    columns = Features.from_arrow_schema(stored)
    del columns[IN_FOLDERS]
    return Features({**_quiz_features(world), **columns})


def text_features(world: QuizWorld, with_task: bool) -> Features:
    """Of a quiz as text; agents' quizzes have no task."""
    columns = dict.fromkeys(("prompt", "completion", "answer"), Value("string"))
    features = _quiz_features(world)
    task = {"task": Value("string")} if with_task else {}
    return Features({**columns, **task, **{name: features[name] for name in ("layout", "hash")}})


def _quiz_features(world: QuizWorld) -> dict[str, Any]:
    token = world.token_dtype.name
    return {
        **{name: _piece_feature(piece, token) for name, piece in piece_columns(world).items()},
        "tokens": List(Value(token), length=world.seq_len),
        "layout": ClassLabel(names=[layout.name for layout in world.layouts]),
        "hash": Value("string"),
    }


def _piece_feature(piece: Piece, token: str) -> Any:
    """A grid of values, or a list where there is one row."""
    if piece.rows > 1:
        return Array2D((piece.rows, piece.columns), token)
    return List(Value(token), length=piece.columns)


def world_rows(world: QuizWorld, batch: QuizBatch, start: int) -> Dataset:
    """World quizzes ``start ..`` of their split and task, in the layouts they are in."""
    columns = {
        **_quiz_columns(world, batch),
        "task": batch.task,
        "index": np.arange(start, start + len(batch)),
    }
    return _rows(columns, world_features(world))


def culture_rows(world: QuizWorld, stored: pa.Table) -> Dataset:
    """Rows of the store, in the layout they are stored in, 0."""
    columns = {name: stored[name] for name in stored.column_names if name != IN_FOLDERS}
    typed = culture_features(world, stored.schema)
    return _rows({**columns, **_quiz_columns(world, quizzes_of(stored))}, typed)


def text_rows(world: QuizWorld, batch: QuizBatch, with_task: bool) -> Dataset:
    """The quizzes as text, each in the order of its layout."""
    prompts, completions = to_text(world, batch)
    columns = {
        "prompt": prompts,
        "completion": completions,
        "answer": completions,
        "layout": batch.layout,
        "hash": _hashes(world, batch),
    }
    if with_task:
        columns["task"] = [world.tasks[task] for task in batch.task]
    return _rows(columns, text_features(world, with_task))


def _rows(columns: dict[str, Any], features: Features) -> Dataset:
    arrow = {name: _arrow(columns[name]) for name in features}
    return Dataset.from_dict(arrow, features)


def _arrow(column: Any) -> Any:
    """A column as Arrow has it; of arrays [B, ...] nested lists, which is far quicker than rows."""
    if not isinstance(column, np.ndarray):
        return pa.array(column) if isinstance(column, list) else column
    nested = pa.array(column.ravel())
    for size in reversed(column.shape[1:]):
        nested = pa.FixedSizeListArray.from_arrays(nested, size)
    return nested


def _quiz_columns(world: QuizWorld, batch: QuizBatch) -> dict[str, Any]:
    plain = world.arrange(batch, 0).tokens
    columns: dict[str, Any] = {}
    for name, piece in piece_columns(world).items():
        shape = (piece.rows, piece.columns) if piece.rows > 1 else (piece.columns,)
        columns[name] = plain[:, piece.cells].reshape(len(batch), *shape)
    return {
        **columns,
        "tokens": batch.tokens,
        "layout": batch.layout,
        "hash": _hashes(world, batch),
    }


def _hashes(world: QuizWorld, batch: QuizBatch) -> list[str]:
    """16 hexadecimal digits each, as in the store."""
    return [f"{value:016x}" for value in world.canonical_hash(batch).tolist()]
