"""The culture store: every quiz that was ever voted on, kept or not, one Parquet file a round.

Append-only: a round is written once, whole, and never touched again, so a run's culture can be
audited, replayed under another rule, and published as it lies on disk.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from culture_sim.culture.records import (
    CULTURE_SPLITS,
    IMPORTED,
    array_of,
    decision_of,
    features,
    hashes_of,
    quizzes_of,
    votes_of,
)
from culture_sim.culture.votes import Decision, VoteTable
from world import QuizBatch, concatenate
from world.core.errors import UserError, first_line
from world.core.files import GONE, replacing

ROUND_FILE = re.compile(r"round-(\d{4,})\.parquet")


class CultureStore:
    """The rounds stored in ``folder``. B quizzes a round, N agents, T tokens."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, round_: int) -> Path:
        """Where a round is, or will be."""
        return self.folder / f"round-{round_:04d}.parquet"

    def refuse_lost(self) -> None:
        """Raise UserError, naming it, for a round that has its figures and not its quizzes."""
        for figures in sorted(self.folder.glob("round-*.json")):
            path = figures.with_suffix(".parquet")
            if not path.exists():
                raise UserError(
                    f"{path} is missing beside its figures; restore it, or if that round was never "
                    f"finished, go on with culture-round"
                )

    def rounds(self) -> list[int]:
        """The rounds stored, ascending."""
        if not self.folder.exists():
            return []
        matches = (ROUND_FILE.fullmatch(path.name) for path in self.folder.iterdir())
        return sorted(int(match[1]) for match in matches if match)

    def append(self, round_: int, table: pa.Table) -> None:
        """Write one round, as ``records.to_table`` makes it.

        Raises ValueError, and writes nothing, for a record without a proposer that is not imported,
        a quiz or a round that is stored already, or quizzes of another length or population than
        those before.
        """
        if self.path(round_).exists():
            raise ValueError(f"round {round_} is stored already in {self.path(round_)}")
        if (array_of(table, "round") != round_).any():
            raise ValueError(f"records must all be of round {round_}")
        votes = votes_of(table)
        made_here = np.array([name != IMPORTED for name in table["method"].to_pylist()], np.bool_)
        outside = (votes.proposer < 0) & made_here | (votes.proposer >= votes.n_agents)
        if outside.any():
            raise ValueError(f"{int(outside.sum())} of {len(table)} records have no proposer")
        self._refuse_duplicates(hashes_of(table))
        self._refuse_other_shape(table)
        write_table(self.path(round_), table)

    def _refuse_duplicates(self, hashes: NDArray[np.uint64]) -> None:
        again = np.isin(hashes, self.hashes()).sum() + len(hashes) - len(np.unique(hashes))
        if again:
            raise ValueError(f"{int(again)} of {len(hashes)} quizzes are duplicates")

    def _refuse_other_shape(self, table: pa.Table) -> None:
        for number in self.rounds()[-1:]:
            before = self.table(number).schema
            if not before.equals(table.schema):
                raise ValueError(
                    f"records must have the columns of round {number} "
                    f"({before.field('tokens').type}, {before.field('solved').type}), got "
                    f"{table.schema.field('tokens').type}, {table.schema.field('solved').type}"
                )

    def table(self, round_: int) -> pa.Table:
        """A round as stored; raises UserError when there is none or its file is damaged."""
        return self._read(round_)

    def _read(self, round_: int, columns: Sequence[str] | None = None) -> pa.Table:
        path = self.path(round_)
        if not path.exists():
            raise UserError(
                f"there is no culture round {round_} in {self.folder}; run culture-round first"
            )
        remedy = (
            f"restore it, or if no agent has learned from it yet, remove it and {path.stem}.json "
            f"to make the round again"
        )
        return read_table(path, remedy, columns)

    def votes(self, round_: int) -> VoteTable:
        """The votes of a round, [B, N, D]."""
        return votes_of(self.table(round_))

    def decision(self, round_: int) -> Decision:
        """What the round's rule decided, [B]."""
        return decision_of(self.table(round_))

    def hashes(self) -> NDArray[np.uint64]:
        """uint64 [all B]: canonical hashes of every quiz stored."""
        hashes = [hashes_of(self._read(number, ["hash"])) for number in self.rounds()]
        return np.concatenate([np.zeros(0, dtype=np.uint64), *hashes])

    def kept(self, split: str, rounds: Sequence[int] | None = None) -> QuizBatch | None:
        """The kept quizzes of ``split`` ("culture_train" or "culture_test") in layout 0.

        rounds: those to read, all by default. None when no round is stored.
        """
        if split not in CULTURE_SPLITS:
            raise ValueError(f"unknown split {split!r}; known: {', '.join(CULTURE_SPLITS)}")
        batches = []
        for number in self.rounds() if rounds is None else rounds:
            table = self.table(number)
            wanted = pc.equal(table.column("split"), split)
            batches.append(quizzes_of(table.filter(pc.and_(table["keep"], wanted))))
        return concatenate(batches) if batches else None


def open_culture(run: Path) -> CultureStore:
    """The culture of the run at a path; raises UserError where none is stored or one is lost."""
    store = CultureStore(run / "culture")
    store.refuse_lost()
    if not store.rounds():
        raise UserError(
            f"{run} has no culture yet; run first: culture-sim culture-round --run {run.name}"
        )
    return store


def write_table(path: Path, table: pa.Table) -> None:
    """Write Parquet beside its place, then rename: a reader never sees half a file."""
    with replacing(path) as aside, aside.open("wb") as file:
        pq.write_table(table.combine_chunks(), file, compression="zstd", write_page_checksum=True)
        file.flush()
        os.fsync(file.fileno())


def read_table(path: Path, remedy: str, columns: Sequence[str] | None = None) -> pa.Table:
    """A round's file, or a part of one; raises UserError naming the file and the remedy.

    columns: those to read, as Parquet has them; by default all, in the types they were written in.
    """
    try:
        # Read from an open file: given a path, pyarrow would take columns from folder names.
        with path.open("rb") as file:
            stored = pq.ParquetFile(file, page_checksum_verification=True)
            _refuse_missing(stored.schema_arrow.names, columns or features(1, 1))
            table = stored.read(columns)
        return _typed(table) if columns is None else table
    except (pa.ArrowException, EOFError, OSError, KeyError, ValueError, TypeError) as error:
        # A corrupted page is reported as an OSError without a number; a missing right is not.
        if isinstance(error, OSError) and error.errno is not None and not isinstance(error, GONE):
            raise
        raise UserError(f"{path} is damaged ({first_line(error)}); {remedy}") from None


def _refuse_missing(stored: Iterable[str], columns: Iterable[str]) -> None:
    if missing := set(columns) - set(stored):
        raise pa.ArrowInvalid(
            f"no column {min(missing)!r}: truncated, or written by another version of culture-sim"
        )


def _typed(table: pa.Table) -> pa.Table:
    """The table in the types and order it was written with; raises ArrowInvalid for others."""
    solved, tokens = table.schema.field("solved").type, table.schema.field("tokens").type
    if not pa.types.is_fixed_size_list(solved) or not pa.types.is_fixed_size_list(tokens):
        raise pa.ArrowInvalid(f"columns of type {solved} and {tokens}")
    # Parquet renames the items of lists; written again, a table must give the same bytes.
    directions, token = solved.value_type.list_size, str(tokens.value_type)
    schema = features(solved.list_size, tokens.list_size, directions, token).arrow_schema
    typed = table.select(schema.names).cast(schema)
    return typed.replace_schema_metadata(table.schema.metadata)
