"""What happens to files on a disk, for tests of what is said of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path


def truncate(file: Path) -> None:
    """Its second half is lost."""
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def empty(file: Path) -> None:
    """All of it is lost."""
    file.write_bytes(b"")


def flip(file: Path) -> None:
    """Up to 64 bytes in the middle are others."""
    content = bytearray(file.read_bytes())
    start = max(0, len(content) // 2 - 32)
    for place in range(start, min(start + 64, len(content))):
        content[place] ^= 0xA5
    file.write_bytes(content)


def lose(file: Path) -> None:
    """It is gone."""
    file.unlink()


def replace_by_folder(file: Path) -> None:
    """There is a folder in its place."""
    file.unlink()
    file.mkdir()


def fill_with_text(file: Path) -> None:
    """It holds something else."""
    file.write_text("not what was here\n")


DAMAGES: tuple[Callable[[Path], None], ...] = (
    *(truncate, empty, flip, lose, replace_by_folder, fill_with_text),
)


def mend(file: Path, content: bytes) -> None:
    """Put the content back, whatever was done to it."""
    if file.is_dir():
        shutil.rmtree(file)
    file.write_bytes(content)
