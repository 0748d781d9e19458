"""The scenes of a task: rectangles that do not overlap, and marks such as a single cell.

A mark is a rectangle too, of any size, and may lie anywhere: what stands where is for the task's
``valid`` to decide.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from world.grids.painting.rectangles import MIN_SIDE, Mask, Plane, Rectangles


def _nothing() -> Rectangles:
    """int16 [1, 0, 4]: the one choice of no rectangle."""
    return np.zeros((1, 0, 4), dtype=np.int16)


@dataclass(frozen=True, eq=False)
class Scenes:
    """Scenes int16 [n, R + M, 4] of R rectangles, then M marks.

    marks: int16 [m, M, 4], every choice of marks; by default the one choice of none.
    """

    plane: Plane
    rectangles: int
    marks: Rectangles = field(default_factory=_nothing)

    def listed(self, most: int) -> Rectangles | None:
        """int16 [n, R + M, 4]: every scene, if there are at most ``most``; else None."""
        sets = self.plane.listed(self.rectangles) if self.rectangles else _nothing()
        if sets.shape[1] != self.rectangles or len(sets) * len(self.marks) > most:
            return None
        each, chosen = np.indices((len(sets), len(self.marks))).reshape(2, -1)
        return np.concatenate([sets[each], self.marks[chosen]], axis=1)

    def sample(self, rng: np.random.Generator, count: int) -> Rectangles:
        """int16 [count, R + M, 4]: scenes drawn with equal chances."""
        if not self.marks.shape[1]:
            return self.plane.sample(rng, count, self.rectangles)
        marks = self.marks[rng.integers(len(self.marks), size=count)]
        if not self.rectangles:
            return marks
        return np.concatenate([self.plane.sample(rng, count, self.rectangles), marks], axis=1)

    def typical(self, count: int) -> Rectangles:
        """int16 [count, R + M, 4]: scenes drawn with equal chances, the same ones each time."""
        if self.marks.shape[1]:
            return self.sample(np.random.default_rng(0), count)
        return _typical(self.plane, self.rectangles, count)

    def holds(self, boxes: Rectangles) -> Mask:
        """bool [n]: which of int16 [n, R + M, 4] end in a choice of marks, after rectangles that
        are large enough; whether these overlap is not asked."""
        rectangles, marks = boxes[:, : self.rectangles], boxes[:, self.rectangles :]
        large = (rectangles[..., 2:] - rectangles[..., :2] >= MIN_SIDE).all(axis=(1, 2))
        known = {choice.tobytes() for choice in self.marks}
        return large & np.array([choice.tobytes() in known for choice in marks], dtype=np.bool_)


@cache
def _typical(plane: Plane, rectangles: int, count: int) -> Rectangles:
    """The same for every task that shows rectangles alone: they may be hard to find room for."""
    return plane.sample(np.random.default_rng(0), count, rectangles)


def single_cells(plane: Plane) -> Rectangles:
    """int16 [G, 4]: every cell as a rectangle, row by row."""
    return _as_cells(np.argwhere(np.ones((plane.height, plane.width), dtype=np.bool_)))


def cells_in_step(plane: Plane, steps: NDArray[np.int64], ahead: int) -> Rectangles:
    """int16 [m, 2, 4]: a cell and the one a step [k, 2] away, in row and column.

    Only where ``ahead`` such steps lead to a cell of the grid.
    """
    first = np.repeat(single_cells(plane)[:, :2].astype(np.int64), len(steps), axis=0)
    step = np.tile(steps, (plane.height * plane.width, 1))
    last = first + ahead * step
    inside = ((last >= 0) & (last < [plane.height, plane.width])).all(axis=1)
    return np.stack([_as_cells((first + k * step)[inside]) for k in (0, 1)], axis=1)


def _as_cells(at: NDArray[np.int64]) -> Rectangles:
    """int16 [n, 4] of rows and columns [n, 2]."""
    return np.concatenate([at, at + 1], axis=1).astype(np.int16)
