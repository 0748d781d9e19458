"""The grids world: F. Fleuret's quizzes of August 2024, of any size, each with one right answer.

A quiz is A, f(A), B, f(B): two pairs of grids that show one rule. Each grid is written as a
label token and its cells row by row; the order of the four is the quiz's layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from world.core.batch import QuizBatch
from world.core.drawing import Drawing
from world.core.explanation import Explanation
from world.core.sampling import draw_split
from world.core.seeds import Stream
from world.core.wording import Wording
from world.core.world import Axis, Layout, World, worlds
from world.grids import view as render
from world.grids.codec import PARTS, Codec
from world.grids.explain import Explainer
from world.grids.hashing import canonical_hash
from world.grids.labels import grid_labels
from world.grids.limits import other_tasks, refuse_impossible
from world.grids.painting.objects import counts
from world.grids.painting.painter import Painter
from world.grids.painting.rectangles import Plane
from world.grids.words import grid_wording

if TYPE_CHECKING:
    from PIL import Image

PUBLISHED_TASKS = (
    "replace_color",
    "translate",
    "grow",
    "half_fill",
    "frame",
    "detect",
    "corners",
    "contact",
)
__all__ = ["PARTS", "PUBLISHED_TASKS", "GridsWorld"]


@worlds.register("grids")
@dataclass(frozen=True)
class GridsWorld(World):
    """Quizzes of rectangles on a background."""

    name: ClassVar[str] = "grids"

    height: int = 6
    """Rows of a grid."""
    width: int = 6
    """Columns of a grid."""
    colours: int = 6
    """Colours beside the background."""
    rectangles: int = 2
    """Rectangles in each grid, at least 3 by 3, never overlapping; some tasks show fewer."""
    tasks: tuple[str, ...] = PUBLISHED_TASKS
    """Names of the tasks, drawn with equal chances; science tasks are drawn only if named."""

    def __post_init__(self) -> None:
        refuse_impossible(self)

    @property
    def plane(self) -> Plane:
        """The extent of these grids."""
        return Plane(self.height, self.width)

    @cached_property
    def painter(self) -> Painter:
        """What paints quizzes of a task on these grids."""
        return Painter(self.plane, self.rectangles, self.colours, self.tasks)

    @cached_property
    def codec(self) -> Codec:
        """How these grids are written."""
        return Codec(self.height, self.width, self.colours)

    @property
    def cells(self) -> int:
        """G: cells of a grid."""
        return self.codec.cells

    @property
    def vocab_size(self) -> int:
        return self.codec.vocab_size

    @property
    def seq_len(self) -> int:
        return self.codec.seq_len

    @property
    def layouts(self) -> tuple[Layout, ...]:
        return self.codec.layouts

    @property
    def axes(self) -> tuple[Axis, ...]:
        return self.codec.axes

    @property
    def coordinates(self) -> NDArray[np.int64]:
        return self.codec.coordinates

    @property
    def roles(self) -> NDArray[np.int8]:
        return self.codec.roles

    @property
    def allowed(self) -> NDArray[np.bool_]:
        return self.codec.allowed

    def grids(self, batch: QuizBatch) -> NDArray[np.uint8]:
        """uint8 [B, 4, H, W]: A, f(A), B, f(B), whatever the layout of each row."""
        return self.codec.grids(batch)

    def arrange(self, batch: QuizBatch, layout: NDArray[np.uint8] | int) -> QuizBatch:
        return self.codec.arrange(batch, layout)

    def draw(
        self,
        stream: Stream,
        start: int,
        count: int,
        split: str,
        task_weights: Sequence[float] | None = None,
    ) -> QuizBatch:
        return draw_split(self, stream, start, count, split, task_weights)

    def generate(
        self, rng: np.random.Generator, count: int, task_weights: Sequence[float] | None = None
    ) -> QuizBatch:
        """Quizzes of every split in layout 0, tasks mixed evenly or by ``task_weights``."""
        if task_weights is None:
            chosen = rng.integers(len(self.tasks), size=count)
        else:
            chosen = rng.choice(
                len(self.tasks), size=count, p=np.array(task_weights) / sum(task_weights)
            )
        grids, regions = self.painter.paint_each(rng, chosen)
        return QuizBatch(
            self.codec.tokens(grids),
            np.zeros(count, dtype=np.uint8),
            chosen.astype(np.int16),
            self.codec.regions(regions),
        )

    def canonical_hash(self, batch: QuizBatch) -> NDArray[np.uint64]:
        grids = self.grids(batch).reshape(len(batch), 2, 2 * self.cells)
        return canonical_hash(grids, self.colours)

    def readings(self, batch: QuizBatch) -> NDArray[np.uint8]:
        pairs = self.grids(batch).reshape(len(batch), 2, 2 * self.cells)
        both = np.stack([pairs, pairs[:, ::-1]], axis=1)
        return both.reshape(len(batch), 2, 4 * self.cells)

    def trivial(self, batch: QuizBatch) -> NDArray[np.bool_]:
        grids = self.grids(batch).reshape(len(batch), 2, 2, self.cells)
        return (grids[:, :, 0] == grids[:, :, 1]).all(axis=2).any(axis=1)

    def corrupt(self, batch: QuizBatch, rate: float, rng: np.random.Generator) -> QuizBatch:
        tokens = batch.tokens.reshape(len(batch), len(PARTS), 1 + self.cells).copy()
        third = tokens[:, 2, 1:]
        noisy = (rng.random(third.shape) < rate) & (batch.layout < 2)[:, None]
        noise = rng.integers(self.colours + 1, size=third.shape, dtype=np.uint8)
        tokens[:, 2, 1:] = np.where(noisy, noise, third)
        return QuizBatch(
            tokens.reshape(batch.tokens.shape), batch.layout, batch.task, batch.regions
        )

    def labels(self, batch: QuizBatch) -> dict[str, NDArray[np.int16]]:
        return grid_labels(self, batch)

    @property
    def wording(self) -> Wording:
        return grid_wording(self)

    def science(self) -> GridsWorld | None:
        names = other_tasks(self)
        return replace(self, tasks=names) if names else None

    def describe(self, batch: QuizBatch) -> dict[str, NDArray[np.int64]]:
        return counts(self.grids(batch), self.colours)

    @cached_property
    def _explainer(self) -> Explainer:
        return Explainer(self.plane, self.colours, self.tasks)

    def explain(self, batch: QuizBatch) -> list[Explanation]:
        return [self._explainer.explain(*quiz) for quiz in self.grids(batch)]

    def implied(self, batch: QuizBatch) -> list[NDArray[np.uint8]]:
        found = []
        for quiz in self.grids(batch):
            answers = [np.frombuffer(a, np.uint8) for a in self._explainer.answers(*quiz[:3])]
            grids = np.tile(quiz.reshape(1, len(PARTS), -1), (len(answers), 1, 1))
            if answers:
                grids[:, 3] = answers
            found.append(self.codec.tokens(grids))
        return found

    def ansi(self, batch: QuizBatch, row: int, plain: bool = False) -> str:
        """One quiz for a terminal: coloured cells, or digits where ``plain``."""
        return render.ansi(self, batch, row, plain)

    def png(self, batch: QuizBatch, row: int) -> Image.Image:
        """One quiz as a picture, its grids side by side in the order written."""
        return render.png(self, batch, row)

    def svg(
        self,
        batch: QuizBatch,
        row: int,
        overlay: NDArray[np.float32] | None = None,
        wrong: NDArray[np.bool_] | None = None,
    ) -> str:
        return render.svg(self, batch, row, overlay, wrong)

    def drawing(self) -> Drawing:
        return render.drawing(self)
