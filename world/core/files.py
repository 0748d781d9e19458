"""Files as a reader wants them: whole or not there, checked when they are read, and named when they
cannot be written or read.

Links are followed: what takes a file's place does so where the link leads. The umask decides who
may read a file. All JSON of the project is written by ``json_text``: elsewhere the linter refuses
``json.dumps``.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from stat import S_IMODE
from typing import Any, NoReturn, TypeVar

from world.core.errors import UserError

CHECKSUM = "checksum"
"""The entry of a JSON file under which the SHA-256 of all the others is."""
GONE = (FileNotFoundError, IsADirectoryError, NotADirectoryError)
"""Where a file was, there is none."""
Kind = TypeVar("Kind")


class JsonObject(dict[str, Any]):
    """An object in a JSON file. A key that it lacks is a UserError that names file and key.

    So is a key that is missing in objects within it; ``get`` and ``in`` are as in any dict. A copy
    knows no file, and raises KeyError.
    """

    _source: tuple[Path, str] | None = None

    @classmethod
    def read_from(cls, entries: dict[str, Any], path: Path, remedy: str) -> JsonObject:
        """The entries of an object in the file at ``path``."""
        found = cls(entries)
        found._source = path, remedy
        return found

    def __missing__(self, key: str) -> NoReturn:
        if self._source is None:
            raise KeyError(key)
        raise self._refusal(f"lacks {key!r}")

    def of(self, kind: type[Kind]) -> Kind:
        """An object of a dataclass, whose fields are the keys; raises UserError for others."""
        names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
        if unknown := [key for key in self if key not in names]:
            raise self._refusal(f"holds {unknown[0]!r}")
        return kind(**{name: self[name] for name in names})

    def _refusal(self, what: str) -> UserError:
        path, remedy = self._source or ("a JSON object", "read it from its file")
        return UserError(f"{path} {what}: it is damaged, or of another version; {remedy}")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to; it takes its place when the block ends well.

    Folders are made. One process at a time may do this to a path. An OSError, such as that of a
    full disk, names ``path``. Raises UserError for what is there and no ordinary file, such as a
    device, which would be replaced too, and for a link that leads nowhere.
    """
    place = behind_links(path)
    refuse_no_file(path)
    # One name for each file, so that what a killed process left is overwritten by the next.
    aside = place.with_name(f".{place.name}.tmp")
    with naming(path):
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield aside
            os.replace(aside, place)
        finally:
            with suppress(NotADirectoryError):
                aside.unlink(missing_ok=True)


def refuse_no_file(path: Path) -> None:
    """Raise UserError for a folder or a device where a file is to be written."""
    if path.exists() and not path.is_file():
        raise UserError(f"{path} is there and no ordinary file; move it away, or give another path")


def behind_links(path: Path) -> Path:
    """Where a path leads, itself if it is no link; what is written beside that is on its disk.

    Raises UserError for a link to a folder that is not there, as on a disk that is not mounted.
    """
    if not path.is_symlink():
        return path
    place = Path(os.path.realpath(path))
    if place.is_symlink() or not place.parent.is_dir():
        raise UserError(f"{path} is a link to {place}, which is not there; mend or remove the link")
    return place


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Have an OSError say which file it was about, which that of a full disk does not."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def let_umask_decide(*files: Path) -> None:
    """Give files of one folder the mode of any that is made there: libraries make some for their
    owner alone."""
    probe = files[0].with_name(".mode")
    probe.touch()
    mode = S_IMODE(probe.stat().st_mode)
    probe.unlink()
    for file in files:
        file.chmod(mode)


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hashes_of(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """SHA-256 of files in a folder by name, to be kept in the record beside them."""
    return {name: file_hash(folder / name) for name in names}


def changed(folder: Path, hashes: dict[str, str]) -> str | None:
    """The first file of a folder that is lost or has another hash than this; None for none."""
    for name, known in hashes.items():
        try:
            if file_hash(folder / name) != known:
                return name
        except GONE:
            return name
    return None


def read_json(path: Path, remedy: str) -> JsonObject:
    """The object in a JSON file, without its checksum.

    Raises UserError, naming the remedy, when it is damaged, lost, or no object, and later when a
    key is looked up that it lacks.
    """
    try:
        content = path.read_bytes()
    except GONE as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); {remedy}") from None
    return parse_json(path, content, remedy)


def parse_json(path: Path, content: bytes, remedy: str) -> JsonObject:
    """The same of the file's content, where it was read before."""

    def checked(entries: dict[str, Any]) -> JsonObject:
        return JsonObject.read_from(entries, path, remedy)

    try:
        tree = json.loads(content.decode(), object_hook=checked)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({error}); {remedy}") from None
    if not isinstance(tree, JsonObject):
        raise UserError(f"{path} is damaged (it holds no JSON object); {remedy}")
    if (known := tree.pop(CHECKSUM, None)) is not None and known != _digest(tree):
        raise UserError(
            f"{path} is damaged (its checksum is another, so it is not as it was written); {remedy}"
        )
    return tree


def write_json(path: Path, tree: Any, indent: int | None = 1) -> None:
    """Write JSON, as ``checked_json`` has it."""
    with replacing(path) as aside:
        aside.write_text(checked_json(tree, indent), "utf-8")


def checked_json(tree: Any, indent: int | None = 1) -> str:
    """A tree as JSON with a line end; an object holds its checksum, which ``parse_json`` checks."""
    if isinstance(tree, dict):
        # As it is read back: names that are numbers become strings, and are then in another order.
        tree = json.loads(json_text({k: v for k, v in tree.items() if k != CHECKSUM}))
        tree[CHECKSUM] = _digest(tree)
    return json_text(tree, indent=indent) + "\n"


def _digest(entries: dict[str, Any]) -> str:
    """SHA-256 of an object that was read from JSON, whatever the order and spacing there."""
    # Nothing in it is without a name in JSON, or else it is not as it was written.
    text = json.dumps(entries, sort_keys=True)  # noqa: TID251
    return hashlib.sha256(text.encode()).hexdigest()


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
