"""Writing a dataset's folder: shards in a hidden folder beside it, which takes its name at the end.

What is at the final place is therefore whole. A shard is drawn by index and renamed when it is
whole, so an interrupted export goes on after its last shard and ends with the same bytes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from culture_sim.export.card import write_card
from culture_sim.export.parts import Part, culture_parts, world_parts
from culture_sim.export.progress import progress
from culture_sim.export.spec import Export
from world.core.errors import UserError
from world.core.files import read_json, replacing, write_json

CHUNK = 4096
"""Quizzes in memory at once; a row group of a file."""
RECORD, VERIFIER, LOCK = "export.json", "verify_quiz.py", ".lock"


def write_dataset(export: Export, out: Path) -> None:
    """Write the dataset's folder ``out``, or finish writing it.

    Raises UserError, and changes nothing, when ``out`` holds something already, when an
    unfinished export there was of other quizzes, or when another command is writing it.
    """
    refuse_occupied(out)
    # Before anything is written: it raises when a round is damaged.
    parts = world_parts(export.world, export.seed, export.quizzes, export.text)
    if export.culture is not None:
        parts += culture_parts(export.world, export.culture, export.text)
    aside = out.with_name(f".{out.name}.partial")
    aside.mkdir(parents=True, exist_ok=True)
    with _alone(aside):
        _continue(aside, export, out)
        with progress("quizzes", sum(part.size for part in parts)) as advance:
            for part in parts:
                _write_part(aside, part, export.shard_quizzes, advance)
        if export.text:
            (aside / VERIFIER).write_text((files("culture_sim.export") / VERIFIER).read_text())
        write_card(aside, export)
        (aside / LOCK).unlink()
        os.replace(aside, out)


def refuse_occupied(out: Path) -> None:
    """Raise UserError when there is something at ``out`` that an export would overwrite."""
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file; give --out the path of a new folder")
    if out.exists() and any(out.iterdir()):
        raise UserError(f"{out} is not empty; give --out the path of a new folder")


def is_written(out: Path, export: Export) -> bool:
    """Whether ``out`` is a finished dataset of exactly these quizzes."""
    path = out / RECORD
    return path.exists() and read_json(path, "choose another --out") == _record(export)


def _continue(aside: Path, export: Export, out: Path) -> None:
    """Note what is being written, or check that it is what was begun here."""
    path = aside / RECORD
    if not path.exists():
        write_json(path, _record(export))
    elif (begun := read_json(path, f"remove {aside}")) != _record(export):
        changed = next(key for key, value in _record(export).items() if begun.get(key) != value)
        raise UserError(
            f"{aside} holds an unfinished export with another {changed}; finish that with its own "
            f"command, remove it, or choose another --out than {out}"
        )


def _record(export: Export) -> Any:
    """What decides the bytes of the files, as JSON gives it back."""
    return json.loads(json.dumps(export.record()))


@contextmanager
def _alone(aside: Path) -> Iterator[None]:
    try:
        with FileLock(aside / LOCK, timeout=0):
            yield
    except Timeout:
        raise UserError(f"another command is writing {aside}; wait for it") from None


def _write_part(
    aside: Path, part: Part, shard_quizzes: int, advance: Callable[[int], None]
) -> None:
    for number, start in enumerate(range(0, part.size, shard_quizzes)):
        stop = min(start + shard_quizzes, part.size)
        name = f"{part.folder}/{part.stem}{number:05d}.parquet"
        paths = {kind: aside / "data" / kind / name for kind in part.collections}
        if all(path.exists() for path in paths.values()):
            advance(stop - start)
            continue
        with ExitStack() as stack:
            writers: dict[str, pq.ParquetWriter] = {}
            for first in range(start, stop, CHUNK):
                last = min(first + CHUNK, stop)
                for kind, table in part.read(first, last).items():
                    if kind not in writers:
                        writers[kind] = stack.enter_context(_writer(paths[kind], table.schema))
                    writers[kind].write_table(table)
                advance(last - first)


@contextmanager
def _writer(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """A Parquet file that is at ``path`` once the block has ended well."""
    with replacing(path) as aside, aside.open("wb") as file:
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            yield writer
        file.flush()
        os.fsync(file.fileno())
