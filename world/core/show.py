"""Quizzes that show themselves: in a notebook as pictures, elsewhere as text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from world.core.batch import UNKNOWN_TASK, QuizBatch

SHOWN = 12
"""Quizzes that are shown of many."""
STYLE = "display:inline-block;margin:6px;vertical-align:top;font:12px system-ui,sans-serif"


class Shows(Protocol):
    """What a world must do for its quizzes to be shown."""

    @property
    def name(self) -> str:
        """What the world is called."""
        ...

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of its tasks."""
        ...

    def text(self, batch: QuizBatch, row: int, plain: bool = False) -> str:
        """One quiz for a terminal."""
        ...

    def svg(self, batch: QuizBatch, row: int) -> str:
        """One quiz as a picture."""
        ...


@dataclass(frozen=True)
class Quizzes:
    """B quizzes of a world. batch: what they are. captions: [B] or (), a line for each."""

    world: Shows
    batch: QuizBatch
    captions: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.batch)

    def __getitem__(self, index: int | slice | NDArray[np.bool_] | NDArray[np.int64]) -> Quizzes:
        """One quiz, or those of a slice, a mask or an array of indices."""
        rows = np.arange(len(self))[index]
        chosen = np.atleast_1d(rows)
        captions = tuple(self.captions[row] for row in chosen) if self.captions else ()
        return replace(self, batch=self.batch[chosen], captions=captions)

    @property
    def tasks(self) -> list[str | None]:
        """[B]: the name of each quiz's task, None where an agent made it."""
        return [None if t == UNKNOWN_TASK else self.world.tasks[t] for t in self.batch.task]

    def caption(self, row: int) -> str:
        """What stands below a quiz: its own line, or its task."""
        return self.captions[row] if self.captions else (self.tasks[row] or "made by an agent")

    def __repr__(self) -> str:
        shown = [
            f"{self.caption(row)}\n{self.world.text(self.batch, row, plain=True)}"
            for row in range(min(len(self), SHOWN))
        ]
        return "\n\n".join([f"{len(self)} quizzes of the world {self.world.name!r}", *shown])

    def _repr_html_(self) -> str:
        cards = [
            f'<div style="{STYLE}">{self.world.svg(self.batch, k)}{escape(self.caption(k))}</div>'
            for k in range(min(len(self), SHOWN))
        ]
        rest = len(self) - SHOWN
        return "".join(cards) + (f"<p>and {rest:,} more</p>" if rest > 0 else "")

    def _repr_svg_(self) -> str | None:
        """Of a single quiz, for tools that show pictures and no HTML."""
        return self.world.svg(self.batch, 0) if len(self) == 1 else None
