"""Tables and arrays as files, each written whole or not at all."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from world.core.errors import UserError, first_line
from world.core.files import replacing


def read_parquet(path: Path, remedy: str) -> pd.DataFrame:
    """A table from Parquet; raises UserError, naming the remedy, when it is damaged or gone."""
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:  # Arrow's own errors are among these
        raise UserError(f"{path} cannot be read ({first_line(error)}); {remedy}") from None


def write_parquet(path: Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet."""
    with replacing(path) as aside:
        table.to_parquet(aside, index=False)


DAMAGED = (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What NumPy raises on an archive of which some bytes are gone or others."""


def read_arrays(path: Path, remedy: str) -> dict[str, NDArray[Any]]:
    """All arrays of an .npz file by name; raises UserError, naming the remedy, when damaged."""
    try:
        with path.open("rb") as file, np.lib.npyio.NpzFile(file) as stored:
            return dict(stored)
    except DAMAGED as error:
        raise UserError(f"{path} cannot be read ({first_line(error)}); {remedy}") from None


def write_arrays(path: Path, **arrays: Any) -> None:
    """Write arrays as a compressed .npz file."""
    with replacing(path) as aside, aside.open("wb") as file:
        np.savez_compressed(file, **arrays)
