"""Where runs are: a run is a folder under ``--runs``, and its name is that of the folder.

A name that is none of a folder is refused whatever the command does with it. One of a folder that
other programs would not find (``world.core.names``) is refused when the folder is to be made.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from world.core.errors import UserError
from world.core.names import refuse_unreadable

LONGEST = 200
"""Bytes in a name: most file systems take 255, and a hidden name beside it is a little longer."""
RESERVED = {
    "CON",
    "PRN",
    "AUX",
    "NUL",
    *(f"{port}{n}" for port in ("COM", "LPT") for n in range(10)),
}
"""Names that Windows keeps for devices, whatever follows a dot: no run could be copied there."""


def run_path(runs: Path, name: str, option: str = "--run") -> Path:
    """The folder of a run, there or not yet.

    option: that gave the name. Raises UserError for a name that is none of a folder in ``runs``,
    and where a file is in its place.
    """
    if reason := _refused(name):
        raise UserError(f"{option} must be the name of a folder in {runs}, got {name!r}: {reason}")
    path = runs / name
    _refuse_undecoded(path)
    for place in (path, *path.parents):
        if os.path.lexists(place):
            if not place.is_dir():
                raise UserError(f"{place} is {_kind(place)}, not a folder; give another {option}")
            break
    return path


def _refuse_undecoded(path: Path) -> None:
    """Refuse a path of which Python could decode only bytes: no file format could hold its name."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        raise UserError(
            f"this Python reads names of files as {sys.getfilesystemencoding()}, and {path} has "
            "other characters; set PYTHONUTF8=1"
        ) from None


def new_run_path(runs: Path, name: str, option: str = "--run") -> Path:
    """The same, where the folder is made unless it is there.

    Raises UserError also for the name of a new folder that other programs would not find.
    """
    path = run_path(runs, name, option)
    if not path.exists():
        refuse_unreadable(option, Path(name))
    return path


def _refused(name: str) -> str:
    """Why a name cannot be that of a run's folder; empty where it can."""
    if not name or name != name.strip():
        return "it is empty, or begins or ends with a space"
    if name.startswith("."):
        return "it begins with a dot"
    if not name.isprintable() or {"/", "\\"} & {*name}:
        return "it has a separator of folders in it, or what cannot be printed"
    if name.endswith(".") or name.partition(".")[0].upper() in RESERVED:
        return "the name is reserved on some systems"
    return "it is too long" if len(os.fsencode(name)) > LONGEST else ""


def _kind(place: Path) -> str:
    return "a link that leads to no folder" if place.is_symlink() else "a file"
