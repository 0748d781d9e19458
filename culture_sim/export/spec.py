"""What an exported dataset is made of, from which it is written and described."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import shlex
from dataclasses import dataclass
from typing import Any

from culture_sim.culture.store import CultureStore
from world import QuizWorld
from world.core.files import json_text


@dataclass(frozen=True)
class Export:
    """The quizzes of a dataset and the way they are written.

    source: the flags that chose the world, such as ("--preset", "compact"). culture: a run's
    culture, None for the world alone. quizzes: of the world, in all splits. text: write them as
    text too.
    """

    source: tuple[str, ...]
    world: QuizWorld
    culture: CultureStore | None
    quizzes: int
    seed: int
    text: bool

    def record(self) -> Any:
        """What decides the bytes of the files and says what they mean, as JSON gives it back."""
        tree = {
            "version": importlib.metadata.version("culture-sim"),
            "world": {"name": self.world.name, **dataclasses.asdict(self.world)},  # type: ignore[call-overload]
            "vocab": self.world.vocab,
            "quizzes": self.quizzes,
            "seed": self.seed,
            "text": self.text,
            "culture": self._rounds(),
        }
        return json.loads(json_text(tree))

    def _rounds(self) -> dict[str, str] | None:
        """SHA-256 of each stored round's file."""
        if self.culture is None:
            return None
        paths = [self.culture.path(number) for number in self.culture.rounds()]
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}

    def command(self) -> str:
        """The command that writes the same files again."""
        words = [*self.source, "--quizzes", str(self.quizzes), "--seed", str(self.seed)]
        words += ["--text"] if self.text else []
        return shlex.join(["culture-sim", "export", "dataset", *words, "--out", "FOLDER"])
