"""The files of a dataset: Parquet by Hugging Face ``datasets``, a card, and a record."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from io import BytesIO
from pathlib import Path

from datasets import Dataset, disable_progress_bars
from rich.console import Console
from rich.progress import track

from culture_sim.culture.records import quizzes_of
from culture_sim.export.card import write_card
from culture_sim.export.folder import RECORD
from culture_sim.export.quizzes import KEPT, culture_shards, draw_task, world_shards
from culture_sim.export.schema import culture_rows, text_rows, world_rows
from culture_sim.export.spec import Export
from world.core.files import naming, write_json

VERIFIER = "verify_quiz.py"


def write_dataset(export: Export, folder: Path, console: Console) -> None:
    """Write a dataset into an empty folder."""
    disable_progress_bars()  # of datasets, which has one for every file
    for path, rows in _tables(export, console):
        _write(folder / "data" / path, rows)
    write_json(folder / RECORD, export.record())
    if export.text:
        verifier = (files("culture_sim.export") / VERIFIER).read_text("utf-8")
        (folder / VERIFIER).write_text(verifier, "utf-8")
    write_card(folder, export)


def _tables(export: Export, console: Console) -> Iterator[tuple[str, Dataset]]:
    """Every file below data/, and its rows."""
    yield from _of_culture(export)  # first: it raises when a round is damaged
    world = export.world
    shards = world_shards(world, export.quizzes)
    for drawn in track(
        shards, "quizzes", console=console, transient=True, disable=not console.is_terminal
    ):
        where = (world, export.seed, drawn.split, drawn.task, drawn.start, drawn.stop)
        batch = draw_task(*where)
        name = f"{drawn.split}/{world.tasks[drawn.task]}/{drawn.start:09d}.parquet"
        yield f"world/{name}", world_rows(world, batch, drawn.start)
        if export.text:
            yield f"text/{name}", text_rows(world, batch, with_task=True)


def _of_culture(export: Export) -> Iterator[tuple[str, Dataset]]:
    if export.culture is None:
        return
    for number, split, decision, stored in culture_shards(export.world, export.culture):
        name = f"{split}/{decision}/round-{number:04d}.parquet"
        yield f"culture/{name}", culture_rows(export.world, stored)
        if export.text and decision == KEPT:
            batch = export.world.for_exam(quizzes_of(stored))
            yield f"culture-text/{name}", text_rows(export.world, batch, with_task=False)


def _write(path: Path, rows: Dataset) -> None:
    # Not straight to the path: a writer that is interrupted would complain of a closed file.
    buffer = BytesIO()
    rows.to_parquet(buffer)
    path.parent.mkdir(parents=True, exist_ok=True)
    with naming(path):
        path.write_bytes(buffer.getbuffer())
