"""Follows a file of JSON lines that other processes append to, from any place in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from culture_sim.run.run import parse_line


class Tail:
    """Reads the complete lines that were appended to a file since the last look.

    offset: bytes read so far; the first look begins there.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset

    def lines(self, until: int | None = None) -> list[dict[str, Any]]:
        """The entries of the new lines, less what killed processes left of theirs.

        until: the byte to stop at, None for the end.
        """
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(self.offset)
            data = file.read(None if until is None else max(0, until - self.offset))
        whole, newline, _ = data.rpartition(b"\n")
        self.offset += len(whole) + len(newline)
        return [entry for line in whole.splitlines() if (entry := parse_line(line)) is not None]
