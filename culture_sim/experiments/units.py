"""Units of work: what each makes, in a folder of its own, with a record that says when it is whole.

The record, ``unit.json``, is written as the unit begins, with its options, and again as it ends,
with the hashes of its files. So a unit that a kill cut off is gone on with, one whose files were
damaged is made again, and one of other options is never taken for that which is asked for.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from filelock import FileLock, Timeout

from culture_sim.run.environment import environment
from sae.artifacts import FILES, plain, read_record
from world.core.errors import UserError
from world.core.files import changed, hashes_of, write_json
from world.core.options import to_tree

RECORD = "unit.json"


@dataclass(frozen=True)
class Place:
    """Where the units of an experiment are.

    folder: that holds a folder of every unit.
    """

    folder: Path

    def of(self, unit: Unit) -> Path:
        """The folder of a unit, there or not yet."""
        return self.folder / unit.name


@dataclass(frozen=True, kw_only=True)
class Unit(ABC):
    """A piece of work, such as one trained agent. Its fields are all that decides what it makes.

    A unit that reads what others made has them among its fields, so that their options are its own.
    """

    version: ClassVar[int] = 1
    """To be raised when the same options come to mean other files."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Its folder among those of all units, such as ``agents/layers-2-seed-0``."""

    @abstractmethod
    def make(self, folder: Path, place: Place) -> Sequence[str]:
        """Write its files into ``folder``, going on from what an interrupted call left there.

        Returns the names of those that others read: their hashes are kept, and checked.
        """

    def identity(self) -> dict[str, Any]:
        """What it is made from, in JSON's types."""
        tree = {"kind": type(self).__name__, "version": self.version, "options": to_tree(self)}
        return dict(plain(tree))


def is_made(place: Place, unit: Unit) -> bool:
    """Whether all that a unit makes is there, of these options, and undamaged."""
    record = record_of(place, unit)
    if record is None or FILES not in record or not _is_of(record, unit):
        return False
    return changed(place.of(unit), record[FILES]) is None


def record_of(place: Place, unit: Unit) -> dict[str, Any] | None:
    """A unit's record; None before it began, and where the record is damaged."""
    return read_record(place.of(unit) / RECORD)


def make(place: Place, unit: Unit) -> None:
    """Make a unit, or go on with it, and write its record."""
    folder, began = place.of(unit), time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    record = unit.identity()
    write_json(folder / RECORD, record)
    names = unit.make(folder, place)
    made = {
        "seconds": round(time.monotonic() - began, 1),
        "environment": environment(),
        FILES: hashes_of(folder, names),
    }
    write_json(folder / RECORD, {**record, **made})


@contextmanager
def claimed(place: Place, unit: Unit) -> Iterator[bool]:
    """Hold a unit, if no other process does; the system frees it if the process dies."""
    folder = place.of(unit)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".unit.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def refuse_changed(place: Place, units: Sequence[Unit]) -> None:
    """Raise UserError where one of these units was begun with other options."""
    for unit in units:
        record = record_of(place, unit)
        if record is None or _is_of(record, unit):
            continue
        option = _first_difference(record, unit.identity())
        raise UserError(
            f"{place.of(unit)} was made with another {option}; give this experiment a --name of "
            f"its own, or remove that folder to make it again"
        )


def _is_of(record: dict[str, Any], unit: Unit) -> bool:
    return all(record.get(name) == value for name, value in unit.identity().items())


def _first_difference(one: Any, other: Any, path: str = "") -> str:
    """The first entry in which ``one`` is not as ``other``, as in ``train.batch_size``."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return path.removeprefix("options.")
    for key, value in other.items():
        if one.get(key) != value:
            return _first_difference(one.get(key), value, f"{path}.{key}" if path else key)
    return path.removeprefix("options.") or "option"
