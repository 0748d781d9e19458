"""The grids world: F. Fleuret's quizzes of August 2024, of any size, each with one right answer.

A quiz is A, f(A), B, f(B): two pairs of grids that show one rule. Each grid is written as a
label token and its cells row by row; the order of the four is the quiz's layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from world.core.batch import QuizBatch
from world.core.drawn import DrawnWorld
from world.core.quiz import QuizWorld, Symmetries
from world.core.rules import Explanation
from world.core.view import View
from world.core.wording import Wording
from world.core.world import Axis, Layout, Part, worlds
from world.grids.codec import PARTS, Codec
from world.grids.explain import Explainer
from world.grids.hashing import canonical_hash
from world.grids.labels import grid_labels
from world.grids.limits import (
    Shape,
    crowded_out,
    examinable_tasks,
    refuse_impossible,
    shows_more,
)
from world.grids.painting.objects import counts
from world.grids.painting.painter import Painter
from world.grids.painting.rectangles import CrowdedPlane, Plane
from world.grids.painting.task import tasks
from world.grids.view import grid_view, vocabulary
from world.grids.words import grid_wording

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
"""The eight tasks of the agents of 2024, each in a form whose quizzes have one right answer."""
SOURCE_TASKS = (
    "replace_color",
    "translate_over",
    "grow_large",
    "half_fill",
    "frame",
    "detect_ell",
    "corners",
    "contact",
)
"""The same as those agents learned them."""
HELD_OUT_TASKS = (
    *("bounce", "contact", "corners", "detect", "fill", "frame", "grow", "half_fill"),
    *("isometry", "path", "replace_color", "scale", "trajectory", "translate"),
)
"""Named one by one, so that another task in the folder changes no exam."""

GRID_PARTS = (
    Part("label", 0.0, fixed=True),
    Part("context", 0.1),
    Part("image", 0.3),
    Part("answer", 1.0, graded=True),
    Part("written", 1.0),
)
"""By kind: a grid's label; a grid that nothing implies, so mostly noise; one implied by the grid
before it and a rule that is not known yet; one implied by everything before it; the same where it
is written and not asked for."""


@worlds.register("grids")
@dataclass(frozen=True)
class GridsWorld(DrawnWorld, QuizWorld):
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
    """Names of the tasks, drawn with equal chances."""
    held_out_tasks: tuple[str, ...] = HELD_OUT_TASKS
    """Tasks to examine agents on that they never met: of these, those which such grids can show
    and which are not among the world's own."""

    def __post_init__(self) -> None:
        refuse_impossible(self.shape, self.tasks, self.held_out_tasks)

    @property
    def shape(self) -> Shape:
        """The extent and contents of these grids."""
        return Shape(self.height, self.width, self.colours, self.rectangles)

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
    def vocab(self) -> tuple[str, ...]:
        return vocabulary(self.colours)

    @property
    def seq_len(self) -> int:
        return self.codec.seq_len

    @property
    def axes(self) -> tuple[Axis, ...]:
        return self.codec.axes

    @property
    def coordinates(self) -> NDArray[np.int64]:
        return self.codec.coordinates

    @property
    def layouts(self) -> tuple[Layout, ...]:
        return self.codec.layouts

    @property
    def directions(self) -> tuple[int, ...]:
        """Forward, the rule is applied; backward, it is undone."""
        return (0, 1)

    @property
    def example_parts(self) -> int:
        return 2

    @property
    def origins(self) -> NDArray[np.int64]:
        return self.codec.origins

    @property
    def slots(self) -> NDArray[np.int64]:
        return self.codec.slots

    @property
    def allowed(self) -> NDArray[np.bool_]:
        return self.codec.allowed

    @property
    def parts(self) -> tuple[Part, ...]:
        return GRID_PARTS

    def part_of(self, batch: QuizBatch) -> NDArray[np.int8]:
        return self.codec.kinds[batch.layout]

    def grids(self, batch: QuizBatch) -> NDArray[np.uint8]:
        """uint8 [B, 4, H, W]: A, f(A), B, f(B), whatever the layout of each row."""
        return self.codec.grids(batch)

    def arrange(self, batch: QuizBatch, layout: NDArray[np.uint8] | int) -> QuizBatch:
        return self.codec.arrange(batch, layout)

    def generate(
        self,
        rng: np.random.Generator,
        count: int,
        split: int | None = None,
        task_weights: Sequence[float] | None = None,
    ) -> QuizBatch:
        """Quizzes in layout 0, tasks mixed evenly or by ``task_weights``.

        split: index of that of both pairs of each quiz; None: pairs of any, which quizzes then mix.
        Raises UserError where a task has too few pairs.
        """
        if task_weights is None:
            chosen = rng.integers(len(self.tasks), size=count)
        else:
            share = np.array(task_weights) / sum(task_weights)
            chosen = rng.choice(len(self.tasks), size=count, p=share)
        grids, regions = self.painter.paint_each(rng, chosen, split)
        return QuizBatch(
            self.codec.tokens(grids),
            np.zeros(count, dtype=np.uint8),
            chosen.astype(np.int16),
            self.codec.regions(regions),
        )

    def canonical_hash(self, batch: QuizBatch) -> NDArray[np.uint64]:
        return canonical_hash(self._pairs(batch), self.colours)

    def units_of(self, batch: QuizBatch) -> NDArray[np.uint64]:
        """uint64 [B, 2]: of both pairs, whichever grid of a pair is X, whatever its colours."""
        pairs = self._pairs(batch).reshape(2 * len(batch), 2, self.codec.cells)
        return canonical_hash(pairs, self.colours).reshape(len(batch), 2)

    def units(self) -> dict[str, NDArray[np.int64]]:
        counts = {name: material.pairs() for name, material in self.painter.material.items()}
        return {name: pairs for name, pairs in counts.items() if pairs is not None}

    def symmetries(self, batch: QuizBatch) -> Symmetries:
        pairs = self._pairs(batch)
        both = np.stack([pairs, pairs[:, ::-1]], axis=1)
        values = np.arange(self.vocab_size)
        renamable = (values > 0) & (values <= self.colours)
        return Symmetries(both.reshape(len(batch), 2, 4 * self.codec.cells), renamable)

    def _pairs(self, batch: QuizBatch) -> NDArray[np.uint8]:
        """uint8 [B, 2, 2 G]: the cells of X, then those of f(X), of both pairs."""
        return self.grids(batch).reshape(len(batch), 2, 2 * self.codec.cells)

    def is_trivial(self, batch: QuizBatch) -> NDArray[np.bool_]:
        grids = self.grids(batch).reshape(len(batch), 2, 2, self.codec.cells)
        return (grids[:, :, 0] == grids[:, :, 1]).all(axis=2).any(axis=1)

    def corrupt(self, batch: QuizBatch, rate: float, rng: np.random.Generator) -> QuizBatch:
        tokens = batch.tokens.reshape(len(batch), len(PARTS), 1 + self.codec.cells).copy()
        third = tokens[:, 2, 1:]
        noisy = (rng.random(third.shape) < rate) & (batch.layout < 2)[:, None]
        noise = rng.integers(self.colours + 1, size=third.shape, dtype=np.uint8)
        tokens[:, 2, 1:] = np.where(noisy, noise, third)
        return replace(batch, tokens=tokens.reshape(batch.tokens.shape))

    def labels(self, batch: QuizBatch) -> dict[str, NDArray[np.int16]]:
        return grid_labels(self.codec, batch)

    @property
    def wording(self) -> Wording:
        return grid_wording(self.codec, self.rectangles, self.tasks)

    def describe(self, batch: QuizBatch) -> dict[str, NDArray[np.int64]]:
        return counts(self.grids(batch), self.colours)

    @property
    def view(self) -> View:
        return grid_view(self.codec)

    @cached_property
    def _explainer(self) -> Explainer:
        return Explainer(self.plane, self.colours, self.tasks)

    def explain(self, batch: QuizBatch) -> list[Explanation]:
        """How the world's own tasks explain each quiz."""
        return [self._explainer.explain(*quiz) for quiz in self.grids(batch)]

    def follows(self, batch: QuizBatch, task: str) -> NDArray[np.bool_]:
        """bool [B]: whether each quiz obeys a task, learned from its first pair."""
        rule = tasks[task]()
        return np.array([rule.verify(*quiz) for quiz in self.grids(batch)], dtype=np.bool_)

    def rule_answers(self, batch: QuizBatch) -> list[NDArray[np.unsignedinteger]]:
        """For each quiz [n, T], in layout 0: the quiz with every answer that a rule gives."""
        quizzes = []
        for quiz in self.grids(batch):
            answers = [np.frombuffer(a, np.uint8) for a in self._explainer.answers(*quiz[:3])]
            grids = np.tile(quiz.reshape(1, len(PARTS), -1), (len(answers), 1, 1))
            if answers:
                grids[:, 3] = answers
            quizzes.append(self.codec.tokens(grids))
        return quizzes

    def other_answers(self, batch: QuizBatch) -> tuple[QuizBatch, NDArray[np.int64]]:
        """Where a rule is undone and more than one grid could have been drawn."""
        many = [k for k, name in enumerate(self.tasks) if not tasks[name].reversible]
        quizzes, rows = [], []
        for row in np.flatnonzero(np.isin(batch.task, many)).tolist():
            for quiz in self._others(batch, row):
                quizzes.append(quiz)
                rows.append(row)
        if not rows:
            return super().other_answers(batch)
        found = QuizBatch(
            self.codec.tokens(np.stack(quizzes).reshape(len(rows), len(PARTS), -1)),
            np.zeros(len(rows), dtype=np.uint8),
            batch.task[np.array(rows)],
        )
        return self.arrange(found, batch.layout[np.array(rows)]), np.array(rows, dtype=np.int64)

    def _others(self, batch: QuizBatch, row: int) -> list[NDArray[np.uint8]]:
        """One quiz uint8 [4, H, W] with every other right answer."""
        layout = self.layouts[batch.layout[row]]
        asked = layout.parts[-1]
        if not layout.answers or asked % 2:  # f(X) follows from X
            return []
        (quiz,), example = self.grids(batch[row : row + 1]), 2 - asked
        rule = tasks[self.tasks[batch.task[row]]]()
        found = rule.undone(quiz[example], quiz[example + 1], quiz[asked + 1])
        asked_for = np.arange(len(PARTS))[:, None, None] == asked
        return [np.where(asked_for, grid, quiz) for grid in found if (grid != quiz[asked]).any()]

    def other_scenes(self) -> GridsWorld | None:
        """Grids with one rectangle more, of the tasks that they can show; else with one less."""
        for rectangles in (self.rectangles + 1, self.rectangles - 1):
            shape = replace(self.shape, rectangles=rectangles)
            changed = [name for name in self.tasks if shows_more(self.shape, shape, name)]
            if shape.can_be_drawn and (names := examinable_tasks(shape, changed, ())):
                return replace(self, rectangles=rectangles, tasks=names)
        return None

    def new_objects(self) -> GridsWorld | None:
        """Grids with a single rectangle, which leaves no room for the others that all grids of this
        world have beside it, of the tasks that can be seen with one."""
        found = crowded_out(self.shape, self.tasks)
        if found is None or type(self) is not GridsWorld:  # a plugin's may draw otherwise
            return None
        options = {field.name: getattr(self, field.name) for field in fields(GridsWorld)}
        changed = {"rectangles": 1, "tasks": found.tasks, "others": found.plane.others}
        return CrowdingRectangles(**{**options, **changed})

    def held_out_world(self) -> GridsWorld | None:
        """The same grids with the held-out tasks that agents can be examined on in them."""
        names = examinable_tasks(self.shape, self.held_out_tasks, self.tasks)
        return replace(self, tasks=names) if names else None


@dataclass(frozen=True)
class CrowdingRectangles(GridsWorld):
    """Single rectangles that leave no room for so many others: an exam, and no world to learn."""

    others: int = 1

    @property
    def plane(self) -> CrowdedPlane:
        return CrowdedPlane(self.height, self.width, self.others)

    def generate(
        self,
        rng: np.random.Generator,
        count: int,
        split: int | None = None,
        task_weights: Sequence[float] | None = None,
    ) -> QuizBatch:
        """The same, of pairs of any split: not one of them is part of the world that is learned."""
        return super().generate(rng, count, None, task_weights)
