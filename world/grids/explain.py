"""Which of a world's tasks, or which two of them, explain a quiz that no task drew.

The tasks' own verifiers say whether a quiz follows a rule. For two rules in sequence the grid
between them is sought: the generators run as programs on what a grid shows, in both directions,
and a verifier judges whether another rule leads from there to the answer. A grid shows a program
its rectangles only where every colour fills, frames or marks one box, and where there are few ways
to read it (``MOST_COLOURS``, ``MOST_READINGS``); what is not read may be explained all the same, so
the shares found are lower bounds.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from world.core.rules import ExplainedBy, Explanation
from world.grids.painting.objects import Box, box, grown, present, within
from world.grids.painting.rectangles import Plane
from world.grids.painting.scenes import Scenes
from world.grids.painting.task import Grid, Pair, Scene, tasks

MOST_COLOURS = 6
"""Grids with more colours are not read: the roles they could play are too many. Three rectangles of
two colours each, as in `half_fill`, have six."""
MOST_EXTRA = 3
"""Colours that a program may bring in, of those that a grid lacks."""
MOST_READINGS = 20_000
"""Ways to read a grid for one task: where there are more, it is not read for that task."""
Reading = tuple[list[Box], list[int]]
"""What a grid may show: rectangles, and colours as a rule would name them."""


@dataclass(frozen=True)
class Step:
    """What a rule makes of a grid: task and parameter, whether it ran backwards, the grid."""

    task: str
    parameter: int
    backwards: bool
    grid: bytes


@dataclass(frozen=True)
class Explainer:
    """Explains quizzes by rules of ``tasks``; grids of a plane, colours 1 .. ``colours``."""

    plane: Plane
    colours: int
    tasks: tuple[str, ...]

    def explain(self, a: Grid, fa: Grid, b: Grid, fb: Grid) -> Explanation:
        """How grids uint8 [H, W] are explained."""
        for kind, order in (
            (ExplainedBy.TASK, (a, fa, b, fb)),
            (ExplainedBy.BACKWARDS, (fa, a, fb, b)),
        ):
            for name in self.tasks:
                if _follows(name, *order):
                    return Explanation(kind, (name,))
        between = self._sequence(a, fa, b, fb)
        if between is not None:
            return Explanation(ExplainedBy.SEQUENCE, between)
        return self._by_pair((a, fa), (b, fb))

    def answers(self, a: Grid, fa: Grid, b: Grid) -> dict[bytes, str]:
        """The answers, as bytes, that rules which explain the example give; each with its task."""
        found: dict[bytes, str] = {}
        for step in self.steps(b):
            answer = self._grid(step.grid)
            for name in self.tasks:
                if _follows(name, a, fa, b, answer):
                    found.setdefault(step.grid, name)
        return found

    def _by_pair(self, one: tuple[Grid, Grid], other: tuple[Grid, Grid]) -> Explanation:
        """Rules that explain the pairs by themselves, each as its own example."""
        found = [self._own_rule(*pair) for pair in (one, other)]
        named = tuple(name for name in found if name is not None)
        return Explanation(
            (ExplainedBy.NONE, ExplainedBy.HALF, ExplainedBy.MISMATCH)[len(named)], named
        )

    def _own_rule(self, x: Grid, fx: Grid) -> str | None:
        for name in self.tasks:
            if _follows(name, x, fx, x, fx) or _follows(name, fx, x, fx, x):
                return name
        return None

    def _sequence(self, a: Grid, fa: Grid, b: Grid, fb: Grid) -> tuple[str, str] | None:
        """Two tasks, the first from X to a grid between, the second from there to f(X)."""
        for first, second in self._between(a, b):
            name = self._related(first, fa, second, fb)
            if name is not None:
                return first.task, name
        for first, second in self._between(fa, fb):
            name = self._related(first, a, second, b)
            if name is not None:
                return name, first.task
        return None

    def _between(self, one: Grid, other: Grid) -> Iterator[tuple[Step, Step]]:
        """Steps by one rule from two grids."""
        by_rule: dict[tuple[str, int, bool], list[Step]] = {}
        for step in self.steps(other):
            by_rule.setdefault((step.task, step.parameter, step.backwards), []).append(step)
        for first in self.steps(one):
            for second in by_rule.get((first.task, first.parameter, first.backwards), ()):
                pairs = (one, self._grid(first.grid)), (other, self._grid(second.grid))
                (x, fx), (y, fy) = (pair[::-1] if first.backwards else pair for pair in pairs)
                if _follows(first.task, x, fx, y, fy):
                    yield first, second

    def _related(self, first: Step, fx: Grid, second: Step, fy: Grid) -> str | None:
        """The task with a rule, either way, from the grids of two steps to two others."""
        x, y = self._grid(first.grid), self._grid(second.grid)
        for name in self.tasks:
            if _follows(name, x, fx, y, fy) or _follows(name, fx, x, fy, y):
                return name
        return None

    def _grid(self, cells: bytes) -> Grid:
        return np.frombuffer(cells, dtype=np.uint8).reshape(self.plane.height, self.plane.width)

    def steps(self, grid: Grid) -> list[Step]:
        """What one rule, either way, makes of a grid: every different result."""
        return list(_steps(self, grid.tobytes()))

    def _run(self, cells: bytes) -> Iterator[Step]:
        grid = self._grid(cells)
        colours = present(grid)
        if 1 <= len(colours) <= MOST_COLOURS:
            for name in self.tasks:
                for readings in (
                    self._single(name, grid, colours),
                    self._paired(name, grid, colours),
                ):
                    yield from self._paint(name, grid.ravel(), list(readings))

    def _single(self, name: str, grid: Grid, colours: list[int]) -> Iterator[Reading]:
        """Each colour as a rectangle, in every order, with colours that the grid lacks."""
        form = _form(name, self.plane, len(colours))
        extra = -1 if form is None else form.colours - len(colours)
        others = [c for c in range(1, self.colours + 1) if c not in colours]
        orders = math.factorial(len(colours)) * math.perm(len(others), max(0, extra))
        # Each colour's box may be one cell larger, or none may.
        if not 0 <= extra <= MOST_EXTRA or orders * (1 + len(colours)) > MOST_READINGS:
            return
        for boxes in _boxes(grid, colours):
            for order in itertools.permutations(range(len(colours))):
                for new in itertools.permutations(others, extra):
                    yield [boxes[k] for k in order], [*(colours[k] for k in order), *new]

    def _paired(self, name: str, grid: Grid, colours: list[int]) -> Iterator[Reading]:
        """Every two colours as a rectangle of one with a part of the other, as in `half_fill`."""
        half = len(colours) // 2
        form = _form(name, self.plane, half)
        if len(colours) % 2 or form is None or form.colours != len(colours):
            return
        for order in itertools.permutations(colours):
            pairs = [order[2 * k : 2 * k + 2] for k in range(half)]
            yield [box(grid, *pair) for pair in pairs], list(order)

    def _paint(self, name: str, cells: Grid, readings: list[Reading]) -> Iterator[Step]:
        """Every rule of a task on every reading of a grid, in one batch."""
        form = _form(name, self.plane, len(readings[0][0])) if readings else None
        if form is None:
            return
        task = tasks[name]()
        rects = np.repeat(np.array([r for r, _ in readings], np.int16), task.parameters, axis=0)
        named = np.repeat(np.array([c for _, c in readings], np.uint8), task.parameters, axis=0)
        parameter = np.tile(np.arange(task.parameters), len(readings))
        drawable = np.flatnonzero(form.scenes.holds(rects))
        good = drawable[task.valid(self.plane, rects[drawable], parameter[drawable])]
        rects, named, parameter = rects[good], named[good], parameter[good]
        pair = Pair.blank(len(rects), len(cells))
        task.paint(pair, Scene(self.plane, rects, named, parameter))
        x, fx = pair.x, pair.fx
        for backwards, here, there in ((False, x.cells, fx.cells), (True, fx.cells, x.cells)):
            for row in np.flatnonzero((here == cells).all(axis=1)).tolist():
                yield Step(name, int(parameter[row]), backwards, there[row].tobytes())


def _boxes(grid: Grid, colours: list[int]) -> Iterator[list[Box]]:
    """The box of each colour; then with each in turn one cell larger on every side.

    A rule that shrinks a rectangle paints the smaller one from the larger.
    """
    boxes = [box(grid, colour) for colour in colours]
    yield boxes
    for k, each in enumerate(boxes):
        if within(grown(each), grid):
            yield [*boxes[:k], grown(each), *boxes[k + 1 :]]


@dataclass(frozen=True)
class _Form:
    """The scenes that a task draws with some number of boxes, and how many colours it needs."""

    scenes: Scenes
    colours: int


@lru_cache(maxsize=256)
def _form(name: str, plane: Plane, boxes: int) -> _Form | None:
    """How a task draws so many rectangles and marks; None where it never does."""
    task = tasks[name]()
    for rectangles in range(boxes + 2):
        scenes = task.scenes(plane, rectangles)
        if scenes.rectangles + scenes.marks.shape[1] == boxes:
            return _Form(scenes, task.colours(rectangles))
    return None


@lru_cache(maxsize=1 << 14)
def _steps(explainer: Explainer, cells: bytes) -> tuple[Step, ...]:
    return tuple(dict.fromkeys(step for step in explainer._run(cells) if step.grid != cells))


def _follows(name: str, a: Grid, fa: Grid, b: Grid, fb: Grid) -> bool:
    """Whether one rule of the task holds in both pairs.

    A verifier takes an example at its word, so each pair is judged by the example of the other.
    """
    verify = tasks[name]().verify
    return verify(a, fa, b, fb) and verify(b, fb, a, fa)
