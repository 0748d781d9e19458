"""The folder of an export, of whatever kind: whole, or not there.

All is written to a hidden folder beside it, which takes its name at the end: what is at the final
place is whole, and an interrupted export leaves nothing behind.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from world.core.errors import UserError
from world.core.files import read_json

RECORD = "export.json"
"""The file of a folder that says what is in it."""


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """An empty folder that takes the place of ``out`` when the block ends well.

    Raises UserError, and changes nothing, when ``out`` holds something already. Folders above it
    are made, and removed where the block fails.
    """
    refuse_occupied(out)
    made = [above for above in out.parents if not above.exists()]
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as aside:
            folder = Path(aside) / out.name
            folder.mkdir()
            yield folder
            os.replace(folder, out)
    except BaseException:
        for above in made:
            with suppress(OSError):  # others may have written there
                above.rmdir()
        raise


def refuse_occupied(out: Path) -> None:
    """Raise UserError when there is something at ``out`` that an export would overwrite, or a file
    in the place of a folder above it."""
    above = next(above for above in out.absolute().parents if above.exists())
    if not above.is_dir():
        raise UserError(f"{above} is a file; give --out a path below a folder")
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file; give --out the path of a new folder")
    if out.exists() and any(out.iterdir()):
        raise UserError(f"{out} is not empty; give --out the path of a new folder")


def is_written(out: Path, record: Any) -> bool:
    """Whether ``out`` is a finished export with exactly this record."""
    path = out / RECORD
    return path.exists() and read_json(path, "choose another --out") == record
