"""Writing files so that a reader never meets half of one, and a failed write leaves none behind.

All JSON of the project is written by ``json_text``: elsewhere the linter refuses ``json.dumps``.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from world.core.errors import UserError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to; it takes its place when the block ends well.

    Folders are made. One process at a time may do this to a path. An OSError, such as that of a
    full disk, names ``path``. Raises UserError for what is there and no ordinary file, such as a
    device, which would be replaced too.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise UserError(f"{path} is there and no ordinary file; give another path")
    # One name for each file, so that what a killed process left is overwritten by the next.
    aside = path.with_name(f".{path.name}.tmp")
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield aside
            os.replace(aside, path)
        finally:
            aside.unlink(missing_ok=True)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Have an OSError say which file it was about, which that of a full disk does not."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def read_json(path: Path, remedy: str) -> Any:
    """Plain types from a JSON file; raises UserError, naming the remedy, when it is damaged."""
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); {remedy}") from None


def write_json(path: Path, tree: Any, indent: int | None = 1) -> None:
    """Write a JSON file, as ``json_text`` does."""
    with replacing(path) as aside:
        aside.write_text(json_text(tree, indent=indent) + "\n")


def json_text(tree: Any, **style: Any) -> str:
    """A tree of plain types as JSON, styled by options of ``json.dumps``.

    Numbers that are not finite become null: JSON has no name for them, and the bare words that
    Python would write are refused by other readers.
    """
    return json.dumps(_finite(tree), **style, allow_nan=False)  # noqa: TID251


def _finite(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {str(key): _finite(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_finite(value) for value in tree]
    if isinstance(tree, float) and not math.isfinite(tree):
        return None
    return tree
