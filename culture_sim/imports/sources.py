"""Which of the files that are given is what, by their names; what they hold is looked at later."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from culture_sim.imports.autoencoder import CONFIG, WEIGHTS
from world.core.errors import UserError

AGENT = re.compile(r"gpt_\d+\.pth")
CULTURE = "c_quizzes.pth"


@dataclass(frozen=True)
class Sources:
    """What was given: agents and datasets in the order of their names, folders of SAEs."""

    agents: tuple[Path, ...]
    culture: Path | None
    datasets: tuple[Path, ...]
    saes: tuple[Path, ...]


def find_sources(paths: Sequence[Path]) -> Sources:
    """Sort files, and what is in folders, where other files are passed over.

    Raises UserError for a path that is not there or that nothing is read from, for two cultures,
    and for fewer than two agents.
    """
    files = list(dict.fromkeys(file for path in paths for file in _files(path)))
    culture = [file for file in files if file.name == CULTURE]
    if len(culture) > 1:
        raise UserError(f"one {CULTURE} is read, got {culture[0]} and {culture[1]}")
    agents = _named(file for file in files if file.suffix == ".pth" and file.name != CULTURE)
    if len(agents) < 2:
        raise UserError(
            f"a run has two agents at least; name files such as gpt_000.pth, or a folder of them "
            f"(found: {', '.join(map(str, agents)) or 'none'})"
        )
    return Sources(
        agents,
        culture[0] if culture else None,
        _named(file for file in files if file.suffix == ".parquet"),
        _named({file.parent for file in files if file.name in (CONFIG, WEIGHTS)}),
    )


def _named(files: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(sorted(files, key=lambda file: (file.name, str(file))))


def _files(path: Path) -> list[Path]:
    """A file itself; of a folder, those files in it that are known."""
    if path.is_file():
        if not _is_known(path) and path.suffix != ".pth":
            raise UserError(f"{path} is none of the files that are read: {_kinds()}")
        return [path]
    if not path.is_dir():
        raise UserError(f"{path} is not there")
    found = [file for file in sorted(path.rglob("*")) if _is_known(file) and file.is_file()]
    if not found:
        raise UserError(f"{path} has none of the files that are read: {_kinds()}")
    return found


def _is_known(file: Path) -> bool:
    if file.name == CONFIG:
        return (file.parent / WEIGHTS).is_file()
    known = file.name in (CULTURE, WEIGHTS) or file.suffix == ".parquet"
    return known or AGENT.fullmatch(file.name) is not None


def _kinds() -> str:
    return f"gpt_000.pth and its like, {CULTURE}, Parquet of a dataset, {CONFIG} beside {WEIGHTS}"
