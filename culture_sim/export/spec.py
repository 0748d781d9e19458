"""What an exported dataset is made of, from which it is written, resumed and described."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from culture_sim.culture.store import CultureStore
from world.grids.world import GridsWorld


@dataclass(frozen=True)
class Export:
    """The quizzes of a dataset and the way they are written.

    source: the flags that chose the world, such as ("--preset", "compact"). culture: the folder
    of a run's culture store, None for the world alone. quizzes: of the world, in all splits.
    shard_quizzes: at most in a file. text: write them as text too.
    """

    source: tuple[str, ...]
    world: GridsWorld
    culture: Path | None
    quizzes: int
    seed: int
    text: bool
    shard_quizzes: int

    def record(self) -> dict[str, Any]:
        """What decides the bytes of the files, in plain types."""
        return {
            "version": importlib.metadata.version("culture-sim"),
            "world": {"name": self.world.name, **dataclasses.asdict(self.world)},
            "quizzes": self.quizzes,
            "seed": self.seed,
            "text": self.text,
            "shard_quizzes": self.shard_quizzes,
            "culture": self._rounds(),
        }

    def _rounds(self) -> dict[str, str] | None:
        """SHA-256 of each stored round's file."""
        if self.culture is None:
            return None
        store, digests = CultureStore(self.culture), {}
        for number in store.rounds():
            with store.path(number).open("rb") as file:
                digests[store.path(number).name] = hashlib.file_digest(file, "sha256").hexdigest()
        return digests

    def command(self) -> str:
        """The command that writes the same files again."""
        words = [*self.source, "--quizzes", str(self.quizzes), "--seed", str(self.seed)]
        words += ["--shard-quizzes", str(self.shard_quizzes), *(["--text"] if self.text else [])]
        return shlex.join(["culture-sim", "export", "dataset", *words, "--out", "FOLDER"])
