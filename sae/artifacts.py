"""What is made once from known inputs, and made again when these change.

Beside an artifact lies a record in JSON that says what it was made from, and which hashes its files
have. The record is written last, so that an artifact that has one is whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from world.core.errors import UserError
from world.core.files import changed, json_text, read_json

FILES = "files"
"""The entry of a record under which the SHA-256 of each of the artifact's files is, by name."""


def read_record(path: Path) -> dict[str, Any] | None:
    """The record of an artifact, None when it is missing or damaged."""
    try:
        return read_json(path, "make it again")
    except (OSError, UserError):
        return None


def current_record(
    path: Path, identity: Mapping[str, Any], files: Sequence[Path] = ()
) -> dict[str, Any] | None:
    """The record at ``path`` if its artifact is whole and of this identity, else None.

    identity: entries that the record must have, such as what the artifact is made from. files:
    those that must be there beside the record, as must be all whose hashes are in it.
    """
    record = read_record(path)
    if record is None or not all(file.exists() for file in files):
        return None
    same = all(record.get(name) == value for name, value in plain(identity).items())
    return record if same and not changed(path.parent, record.get(FILES, {})) else None


def kept(
    path: Path,
    identity: Mapping[str, Any],
    make: Callable[[], object],
    files: Sequence[Path] = (),
) -> dict[str, Any]:
    """The record at ``path``; ``make`` is called first unless ``current_record`` has it.

    make: writes the artifact and, last, its record with the identity in it.
    """
    record = current_record(path, identity, files)
    if record is None:
        make()
        record = read_record(path)
    if record is None:
        raise RuntimeError(f"no record was written to {path}")
    return record


def plain(tree: Any) -> Any:
    """What JSON gives back of a tree: lists for tuples, text for keys."""
    return json.loads(json_text(tree))


def digest(tree: Any, size: int = 8) -> str:
    """A hash of plain types in ``size`` bytes, hexadecimal: the same for the same content."""
    text = json_text(tree, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()
