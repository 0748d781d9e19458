"""The grids world: F. Fleuret's quizzes of August 2024, of any size, each with one right answer.

A quiz is A, f(A), B, f(B): two pairs of grids that show one rule. Each grid is written as a
label token and its cells row by row; the order of the four is the quiz's structure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from world import render
from world.base import SPLITS, Axis, Structure, TokenRole, World, worlds
from world.batch import QuizBatch, concatenate
from world.canonical import canonical_hash
from world.drawing import Drawing
from world.errors import UserError
from world.explainer import Explainer
from world.explanation import Explanation
from world.labels import grid_labels
from world.objects import count_patches
from world.painter import Painter
from world.rectangles import MIN_SIDE, Plane
from world.seeds import Stream
from world.task import tasks

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
PARTS = ("A", "fA", "B", "fB")
BLOCK = 1024
"""Quizzes drawn from one seed; a draw of any range is cut from whole blocks."""
RAREST_SETS = 1e-4
"""Below this chance of drawing a set without overlap, a world is held to be too crowded."""
TRIES = 100
"""Times a block is filled up before its split is held to be empty."""
R = TokenRole
_ASKED = (R.CONTEXT, R.IMAGE, R.CONTEXT, R.ANSWER)


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
        if not self.tasks:
            raise UserError("world.tasks is empty; name at least one task")
        if len(set(self.tasks)) < len(self.tasks):
            raise UserError(f"world.tasks names a task twice: {', '.join(self.tasks)}")
        if min(self.height, self.width) < MIN_SIDE or self.rectangles < 1:
            raise UserError(
                f"grids need at least {MIN_SIDE}x{MIN_SIDE} cells and one rectangle, got "
                f"{self.height}x{self.width} and {self.rectangles}"
            )
        if not self.plane.fits(self.rectangles):
            raise UserError(
                f"{self.rectangles} rectangles of {MIN_SIDE}x{MIN_SIDE} do not fit in a "
                f"{self.height}x{self.width} grid"
            )
        if self.plane.share(self.rectangles) < RAREST_SETS:
            raise UserError(
                f"{self.rectangles} rectangles crowd a {self.height}x{self.width} grid: sets "
                f"without overlap are too rare to draw; use fewer rectangles or a larger grid"
            )
        if self.vocab_size > 255:
            raise UserError(f"world.colours must be at most 250, got {self.colours}")
        for task in self.tasks:
            self._check(task)

    def _check(self, task: str) -> None:
        """Refuse a task that these grids make impossible."""
        needed = tasks[task]().colours(self.rectangles)
        if needed > self.colours:
            raise UserError(
                f"task {task!r} needs {needed} colours for {self.rectangles} rectangles, "
                f"world.colours is {self.colours}"
            )
        if not self.painter.odds[task].any():
            raise UserError(
                f"task {task!r} is impossible with {self.rectangles} rectangles in a "
                f"{self.height}x{self.width} grid"
            )

    @property
    def plane(self) -> Plane:
        """The extent of these grids."""
        return Plane(self.height, self.width)

    @cached_property
    def painter(self) -> Painter:
        """What paints quizzes of a task on these grids."""
        return Painter(self.plane, self.rectangles, self.colours, self.tasks)

    @property
    def cells(self) -> int:
        """G: cells of a grid."""
        return self.height * self.width

    @property
    def vocab_size(self) -> int:
        return 1 + self.colours + len(PARTS)

    @property
    def seq_len(self) -> int:
        return len(PARTS) * (1 + self.cells)

    @property
    def structures(self) -> tuple[Structure, ...]:
        orders = ((0, 1, 2, 3), (1, 0, 3, 2), (2, 3, 0, 1), (3, 2, 1, 0), (3, 1, 0, 2))
        return tuple(
            Structure(",".join(PARTS[p] for p in order), order, answers=i < 4)
            for i, order in enumerate(orders)
        )

    @property
    def axes(self) -> tuple[Axis, ...]:
        return (
            Axis("part", len(PARTS)),
            Axis("row", self.height + 1),
            Axis("column", self.width + 1),
        )

    @cached_property
    def coordinates(self) -> NDArray[np.int64]:
        """Labels stand at a row and column of their own, one past the last."""
        row, column = np.divmod(np.arange(self.cells), self.width)
        row = np.concatenate([[self.height], row])
        column = np.concatenate([[self.width], column])
        part = np.repeat(np.arange(len(PARTS)), 1 + self.cells)
        return np.stack([part, np.tile(row, len(PARTS)), np.tile(column, len(PARTS))], axis=1)

    @cached_property
    def roles(self) -> NDArray[np.int8]:
        by_slot = [_ASKED] * 4 + [(R.CONTEXT, R.CONTEXT, R.IMAGE, R.ANSWER)]
        roles = np.repeat(np.array(by_slot, dtype=np.int8), 1 + self.cells, axis=1)
        roles[:, :: 1 + self.cells] = R.LABEL
        return roles

    @cached_property
    def allowed(self) -> NDArray[np.bool_]:
        allowed = np.zeros((len(self.structures), self.seq_len, self.vocab_size), dtype=np.bool_)
        allowed[:, :, : self.colours + 1] = True
        for s, structure in enumerate(self.structures):
            for slot, part in enumerate(structure.parts):
                allowed[s, slot * (1 + self.cells)] = False
                allowed[s, slot * (1 + self.cells), self.colours + 1 + part] = True
        return allowed

    def draw(
        self,
        stream: Stream,
        start: int,
        count: int,
        split: str,
        odds: Sequence[float] | None = None,
    ) -> QuizBatch:
        if split not in SPLITS:
            raise ValueError(f"unknown split {split!r}; known: {', '.join(SPLITS)}")
        first, last = start // BLOCK, (start + max(count, 1) - 1) // BLOCK
        named = stream.with_role(f"{stream.role}/{split}")
        drawn = concatenate([self._block(named, b, split, odds) for b in range(first, last + 1)])
        return drawn[start - first * BLOCK : start - first * BLOCK + count]

    def _block(
        self, stream: Stream, block: int, split: str, odds: Sequence[float] | None
    ) -> QuizBatch:
        """BLOCK quizzes of a split, by drawing until enough fall into it."""
        rng = stream.generator(block)
        wanted, kept, found = SPLITS.index(split), [], 0
        share = 0.8 if split == "train" else 0.1
        for _ in range(TRIES):
            quizzes = self.generate(rng, int(1.1 * (BLOCK - found) / share) + 16, odds)
            kept.append(quizzes[self.split(self.canonical_hash(quizzes)) == wanted])
            found += len(kept[-1])
            if found >= BLOCK:
                return concatenate(kept)[:BLOCK]
        raise UserError(
            f"this world has too few different quizzes for a {split!r} split; "
            f"make it larger or give it more tasks"
        )

    def generate(
        self, rng: np.random.Generator, count: int, odds: Sequence[float] | None = None
    ) -> QuizBatch:
        """Quizzes of every split in structure 0, tasks mixed with equal chances or by ``odds``."""
        if odds is None:
            chosen = rng.integers(len(self.tasks), size=count)
        else:
            chosen = rng.choice(len(self.tasks), size=count, p=np.array(odds) / sum(odds))
        grids = np.zeros((count, len(PARTS), self.cells), dtype=np.uint8)
        regions = np.zeros_like(grids, dtype=np.int8)
        for index, name in enumerate(self.tasks):
            rows = np.flatnonzero(chosen == index)
            if len(rows):
                grids[rows], regions[rows] = self.painter.paint(rng, name, len(rows))
        tokens = self._tokens(grids)
        padded = np.zeros((count, len(PARTS), 1 + self.cells), dtype=np.int8)
        padded[:, :, 1:] = regions
        return QuizBatch(
            tokens,
            np.zeros(count, dtype=np.uint8),
            chosen.astype(np.int16),
            padded.reshape(count, -1),
        )

    def _tokens(self, grids: NDArray[np.uint8]) -> NDArray[np.uint8]:
        tokens = np.zeros((len(grids), len(PARTS), 1 + self.cells), dtype=np.uint8)
        tokens[:, :, 0] = self.colours + 1 + np.arange(len(PARTS))
        tokens[:, :, 1:] = grids
        return tokens.reshape(len(grids), self.seq_len)

    def grids(self, batch: QuizBatch) -> NDArray[np.uint8]:
        """uint8 [B, 4, H, W]: A, f(A), B, f(B), whatever the structure of each row."""
        parts = self._reordered(batch.tokens, self._slots[batch.structure])[:, :, 1:]
        return parts.reshape(len(batch), len(PARTS), self.height, self.width)

    def _reordered(self, rows: NDArray[Any], order: NDArray[np.int64]) -> NDArray[Any]:
        """[B, T] to [B, 4, 1 + G]: of each row its four grids in the order [B, 4]."""
        taken = order + len(PARTS) * np.arange(len(rows))[:, None]
        grids = rows.reshape(-1, 1 + self.cells).take(taken.ravel(), axis=0)
        return grids.reshape(len(rows), len(PARTS), 1 + self.cells)

    @cached_property
    def _orders(self) -> NDArray[np.int64]:
        """int64 [S, 4]: the part in each slot."""
        return np.array([s.parts for s in self.structures])

    @cached_property
    def _slots(self) -> NDArray[np.int64]:
        """int64 [S, 4]: the slot of each part."""
        return np.argsort(self._orders, axis=1)

    def arrange(self, batch: QuizBatch, structure: NDArray[np.uint8] | int) -> QuizBatch:
        wanted = np.broadcast_to(np.asarray(structure, dtype=np.uint8), (len(batch),)).copy()
        order = np.take_along_axis(self._slots[batch.structure], self._orders[wanted], axis=1)

        def rewrite(rows: NDArray[Any]) -> NDArray[Any]:
            return self._reordered(rows, order).reshape(rows.shape)

        regions = None if batch.regions is None else rewrite(batch.regions)
        return QuizBatch(rewrite(batch.tokens), wanted, batch.task, regions)

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
        noisy = (rng.random(third.shape) < rate) & (batch.structure < 2)[:, None]
        noise = rng.integers(self.colours + 1, size=third.shape, dtype=np.uint8)
        tokens[:, 2, 1:] = np.where(noisy, noise, third)
        return QuizBatch(
            tokens.reshape(batch.tokens.shape), batch.structure, batch.task, batch.regions
        )

    def labels(self, batch: QuizBatch) -> dict[str, NDArray[np.int16]]:
        return grid_labels(self, batch)

    def science(self) -> GridsWorld | None:
        names = tuple(name for name in tasks if name not in self.tasks and self._bears(name))
        return replace(self, tasks=names) if names else None

    def _bears(self, task: str) -> bool:
        """Whether grids like these can show a task."""
        try:
            replace(self, tasks=(task,))
        except UserError:
            return False
        return True

    def describe(self, batch: QuizBatch) -> dict[str, NDArray[np.int64]]:
        """objects: patches of one colour in all four grids. colours: different ones, without the
        background. changed: cells that differ between X and f(X), in both pairs."""
        grids = self.grids(batch)
        shown = [(grids == c).any(axis=(1, 2, 3)) for c in range(1, self.colours + 1)]
        return {
            "objects": count_patches(grids).sum(axis=1),
            "colours": np.sum(shown, axis=0).astype(np.int64),
            "changed": (grids[:, ::2] != grids[:, 1::2]).sum(axis=(1, 2, 3)),
        }

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
            found.append(self._tokens(grids))
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
        values = range(self.colours + 1)
        return Drawing(
            parts=tuple(render.NAMES[part] for part in PARTS),
            starts=tuple(k * (1 + self.cells) + 1 for k in range(len(PARTS))),
            height=self.height,
            width=self.width,
            palette=tuple(render.colour(value) for value in values),
            words=tuple(render.word(value) for value in values),
        )
