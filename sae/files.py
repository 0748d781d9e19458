"""Tables and arrays as files, each written whole or not at all, and checked when it is read.

Pages of Parquet and members of an archive carry checksums; what else there is in a table, such as
the names of its columns, is covered by the hash in the record that is written after it.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sae.artifacts import FILES
from world.core.errors import UserError, first_line
from world.core.files import changed, refuse_no_file, replacing

DAMAGED = (
    *(OSError, ValueError, EOFError, RuntimeError, KeyError, TypeError, AttributeError),
    *(NotImplementedError, MemoryError, zipfile.BadZipFile, zlib.error),
)
"""What Arrow, pandas and NumPy raise on files of which some bytes are gone or others."""


def read_parquet(
    path: Path,
    remedy: str,
    columns: Sequence[str] | None = None,
    filters: Sequence[tuple[str, str, Any]] | None = None,
    record: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """A table from Parquet; raises UserError, naming the remedy, when it is damaged or gone.

    columns, filters: what to read of it, as pandas has them. record: of the artifact that it is
    part of, with the hash that it must have.
    """
    known = (record or {}).get(FILES, {})
    if path.name in known and changed(path.parent, {path.name: known[path.name]}):
        raise UserError(f"{path} cannot be read (its hash is not the one in its record); {remedy}")
    chosen = None if columns is None else list(columns)
    given = None if filters is None else list(filters)
    try:
        with path.open("rb") as file:  # given a path, Arrow would take columns from folder names
            return pd.read_parquet(
                file, columns=chosen, filters=given, page_checksum_verification=True
            )
    except DAMAGED as error:
        raise UserError(f"{path} cannot be read ({first_line(error)}); {remedy}") from None


def write_parquet(path: Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet."""
    with replacing(path) as aside:
        table.to_parquet(aside, index=False, write_page_checksum=True)


def refuse_blocked(folder: Path) -> None:
    """Raise UserError for a folder in the place of a table or a record in ``folder``.

    To be called before anything there is removed, and before anything long is computed.
    """
    for pattern in ("*.parquet", "*.json"):
        for path in sorted(folder.glob(pattern)):
            refuse_no_file(path)


def read_arrays(path: Path, names: Sequence[str], remedy: str) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file of these names; raises UserError, naming the remedy, when damaged
    or gone."""
    try:
        with zipfile.ZipFile(path) as stored:
            # A member that is read whole is checked; NumPy would stop before its checksum.
            contents = {name: stored.read(f"{name}.npy") for name in names}
        return {
            name: np.load(BytesIO(content), allow_pickle=False)
            for name, content in contents.items()
        }
    except DAMAGED as error:
        raise UserError(f"{path} cannot be read ({first_line(error)}); {remedy}") from None


def write_arrays(path: Path, **arrays: Any) -> None:
    """Write arrays as a compressed .npz file."""
    with replacing(path) as aside, aside.open("wb") as file:
        np.savez_compressed(file, **arrays)
