"""Datasets of the published experiment: quizzes of its world with their task, in Parquet.

A row is a quiz behind a 0, in one of four orders, which its labels tell. In two of them the third
grid was noisy, so those rows are no clean quizzes; each is judged by its task's verifier.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from culture_sim.culture.records import array_of
from culture_sim.imports.reading import MOST_QUIZZES, refuse_larger
from world import UNKNOWN_TASK, QuizBatch, concatenate
from world.core.errors import UserError, first_line
from world.core.files import replacing
from world.grids.world import GridsWorld

COLUMNS = ("input_ids", "label")
TASKS = {"detect": "detect_ell", "grow": "grow_large", "translate": "translate_over"}
"""Labels whose task has another name here."""
CULTURE = "culture"
"""Label of quizzes that agents made."""
NOISED = (0, 1)
"""Layouts in which a grid of the prompt was noisy."""
MOST_ROWS = 4_000_000
BLOCK = 50_000
"""Rows that are read at once."""
FILE = "imported/quizzes.parquet"
"""Of a run: the rows that are kept."""


@dataclass(frozen=True)
class PublishedQuizzes:
    """Clean quizzes in layout 0, of their tasks or, where agents made them, of none.

    dropped: how many other rows there were, by why.
    """

    quizzes: QuizBatch
    dropped: dict[str, int]

    @property
    def counts(self) -> dict[int, int]:
        """How many there are of each task."""
        tasks, counts = np.unique(self.quizzes.task, return_counts=True)
        return dict(zip(tasks.tolist(), counts.tolist(), strict=True))


def read_dataset(paths: Sequence[Path], world: GridsWorld) -> PublishedQuizzes:
    """The clean rows of some files; raises UserError, with one line, for files that are others."""
    parts, dropped = [], Counter[str]()
    for path in paths:
        for rows, tasks in _blocks(path, world):
            batch, lost = _clean(rows, tasks, world)
            parts.append(batch)
            dropped.update(lost)
    if not sum(map(len, parts)):
        raise UserError(f"{paths[0]} holds no clean quiz ({dict(sorted(dropped.items()))})")
    return PublishedQuizzes(concatenate(parts), dict(sorted(dropped.items())))


def _blocks(path: Path, world: GridsWorld) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int16]]]:
    """Tokens uint8 [n, T] and tasks int16 [n] of a file, in pieces."""
    refuse_larger(path, MOST_QUIZZES)
    try:
        with path.open("rb") as file:
            stored = pq.ParquetFile(file, page_checksum_verification=True)
            for name in COLUMNS:
                if stored.schema_arrow.names.count(name) != 1:
                    raise UserError(f"{path} must have one column {name!r}")
            if stored.metadata.num_rows > MOST_ROWS:
                raise UserError(f"{path} has more than {MOST_ROWS:,} rows")
            task_of = _task_of(path, stored.schema_arrow, world)
            for block in stored.iter_batches(BLOCK, columns=list(COLUMNS)):
                tokens = _tokens(path, block["input_ids"], world)
                yield tokens, _tasks(path, block["label"], task_of)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise UserError(f"{path} is damaged ({first_line(error)})") from None


def _task_of(path: Path, schema: pa.Schema, world: GridsWorld) -> NDArray[np.int16]:
    """int16 [labels]: the task of each label, by the names that the file has for them."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        names = [str(name) for name in features["label"]["names"]]
    except (KeyError, ValueError, TypeError):
        raise UserError(f"{path} does not say what its labels are called") from None
    known = {**{name: k for k, name in enumerate(world.tasks)}, CULTURE: UNKNOWN_TASK}
    here = [TASKS.get(name, name) for name in names]
    if unknown := [name for name, task in zip(names, here, strict=True) if task not in known]:
        raise UserError(
            f"{path} has quizzes of {unknown[0]!r}, which is no task of the source's run"
        )
    return np.array([known[task] for task in here], dtype=np.int16)


def _tokens(path: Path, column: pa.Array, world: GridsWorld) -> NDArray[np.uint8]:
    """uint8 [n, T]: rows without the 0 that they begin with."""
    length = 1 + world.seq_len
    kind = column.type
    listed = pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind)
    if not listed or not pa.types.is_integer(kind.value_type) or column.null_count:
        raise UserError(f"{path}: input_ids must be lists of integers, got {kind}")
    if not pc.all(pc.equal(pc.list_value_length(column), length)).as_py() and len(column):
        raise UserError(f"{path}: input_ids must have {length} entries each")
    flat = column.flatten()
    if flat.null_count:
        raise UserError(f"{path}: input_ids has gaps")
    rows = flat.to_numpy(zero_copy_only=False).reshape(len(column), length)
    if rows.size and not 0 <= rows.min() <= rows.max() < world.vocab_size:
        raise UserError(f"{path}: input_ids must be 0 to {world.vocab_size - 1}")
    if rows[:, 0].any():
        raise UserError(f"{path}: every row of input_ids must begin with 0")
    return rows[:, 1:].astype(np.uint8)


def _tasks(path: Path, column: pa.Array, task_of: NDArray[np.int16]) -> NDArray[np.int16]:
    if not pa.types.is_integer(column.type) or column.null_count:
        raise UserError(f"{path}: label must be integers, got {column.type}")
    labels = column.to_numpy(zero_copy_only=False)
    if labels.size and not 0 <= labels.min() <= labels.max() < len(task_of):
        raise UserError(f"{path}: label must be 0 to {len(task_of) - 1}")
    return np.asarray(task_of[labels])


def _clean(
    tokens: NDArray[np.uint8], task: NDArray[np.int16], world: GridsWorld
) -> tuple[QuizBatch, Counter[str]]:
    """Rows that are quizzes by their task's rule, in layout 0; and how many others, by why."""
    layout = _layouts(tokens, world)
    known = np.flatnonzero(layout >= 0)
    dropped = Counter({"in no order of the source": len(tokens) - len(known)})
    written = QuizBatch(tokens[known], layout[known].astype(np.uint8), task[known])
    allowed = world.allowed[written.layout.astype(np.int64)]
    places = np.arange(len(written))[:, None], np.arange(world.seq_len)
    sound = allowed[(*places, written.tokens)].all(axis=1)
    dropped["a label in a cell"] = int((~sound).sum())
    written = written[sound]
    right = _follows(world.arrange(written, 0), world)
    noised = np.isin(written.layout, NOISED)
    # Nothing can judge what agents made, so it is taken where there was no noise.
    right = np.where(written.task == UNKNOWN_TASK, ~noised, right)
    dropped["noise in the prompt"] = int((~right & noised).sum())
    dropped["against its rule"] = int((~right & ~noised).sum())
    return world.arrange(written[right], 0), +dropped


def _layouts(tokens: NDArray[np.uint8], world: GridsWorld) -> NDArray[np.int64]:
    """int64 [n]: the answer layout whose labels stand in each row, -1 for none."""
    found = np.full(len(tokens), -1)
    for layout in world.answer_layouts:
        allowed = world.allowed[layout]
        fixed = np.flatnonzero(allowed.sum(axis=1) == 1)
        found[(tokens[:, fixed] == allowed[fixed].argmax(axis=1)).all(axis=1)] = layout
    return found


def _follows(batch: QuizBatch, world: GridsWorld) -> NDArray[np.bool_]:
    right = np.zeros(len(batch), dtype=np.bool_)
    for index, name in enumerate(world.tasks):
        rows = np.flatnonzero(batch.task == index)
        right[rows] = world.follows(batch[rows], name)
    return right


def write_quizzes(run: Path, quizzes: QuizBatch, world: GridsWorld) -> None:
    """Keep imported quizzes in the folder of a run: ``tokens`` in layout 0, and ``task``."""
    names = np.array([*world.tasks, CULTURE], dtype=object)
    tokens = pa.FixedSizeListArray.from_arrays(pa.array(quizzes.tokens.ravel()), world.seq_len)
    table = pa.table({"tokens": tokens, "task": names[quizzes.task].tolist()})
    with replacing(run / FILE) as aside:
        pq.write_table(table, aside, compression="zstd", write_page_checksum=True)


def read_quizzes(run: Path, world: GridsWorld) -> QuizBatch:
    """What was imported into the folder of a run, in layout 0.

    Raises UserError where nothing was, or it is damaged.
    """
    path = run / FILE
    if not path.exists():
        raise UserError(f"no dataset was imported into {run}")
    try:
        with path.open("rb") as file:
            table: Any = pq.read_table(file, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path} is damaged ({first_line(error)}); import it again") from None
    tasks = {name: k for k, name in enumerate(world.tasks)}
    task = [tasks.get(name, UNKNOWN_TASK) for name in table["task"].to_pylist()]
    tokens = array_of(table.cast(_as_written(world)), "tokens").astype(world.token_dtype)
    return QuizBatch(tokens, np.zeros(len(task), np.uint8), np.array(task, dtype=np.int16))


def _as_written(world: GridsWorld) -> pa.Schema:
    return pa.schema({"tokens": pa.list_(pa.uint8(), world.seq_len), "task": pa.string()})
