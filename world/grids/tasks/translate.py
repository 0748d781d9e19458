"""translate: one rectangle moves by one cell, straight or diagonally.

It stays clear of the others before and after, so that B follows from f(B). In the source the
moved rectangle may hide part of another: see ``translate_over``.
"""

from __future__ import annotations

import numpy as np

from world.grids.painting.objects import box, changed_colours, inside, solid, within
from world.grids.painting.rectangles import Plane, Rectangles, overlap
from world.grids.painting.task import Grid, Indices, Mask, Pair, Scene, Task, tasks

STEPS = np.array(
    [(i, j, i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)], dtype=np.int16
)
"""int16 [8, 4]: what each parameter adds to a rectangle's coordinates."""


@tasks.register("translate")
class Translate(Task):
    """The last rectangle moves by one of eight steps, the same in both pairs."""

    parameters = len(STEPS)
    keeps_to_scene = True

    def colours(self, rectangles: int) -> int:
        return rectangles

    def valid(self, plane: Plane, rects: Rectangles, parameter: Indices) -> Mask:
        moved = rects[:, -1] + STEPS[parameter]
        good = (moved[:, :2] >= 0).all(axis=1)
        good &= (moved[:, 2] <= plane.height) & (moved[:, 3] <= plane.width)
        for k in range(rects.shape[1] - 1):
            good &= ~overlap(rects[:, k], moved)
        return good

    def paint(self, pair: Pair, scene: Scene) -> None:
        x, fx = pair.x, pair.fx
        plane, rects, colours, parameter = scene.plane, scene.rects, scene.colours, scene.parameter
        last = rects.shape[1] - 1
        for k in range(last):
            for canvas in (x, fx):
                canvas.paint(plane.full(rects[:, k]), colours[:, k], k)
        x.paint(plane.full(rects[:, last]), colours[:, last], last)
        fx.paint(plane.full(rects[:, last] + STEPS[parameter]), colours[:, last], last)

    def verify(self, a: Grid, fa: Grid, b: Grid, fb: Grid) -> bool:
        movers = (set.union(*changed_colours(a, fa)) if (a != fa).any() else set()) - {0}
        if len(movers) != 1:
            return False
        colour = movers.pop()
        if not all((grid == colour).any() for grid in (a, fa, b)):
            return False
        before, after, at = box(a, colour), box(fa, colour), box(b, colour)
        di, dj = after[0] - before[0], after[1] - before[1]
        to = (at[0] + di, at[1] + dj, at[2] + di, at[3] + dj)
        if not within(to, b) or not solid(b):
            return False
        expected = np.where(b == colour, 0, b)
        if inside(expected, to).any():
            return False
        inside(expected, to)[...] = colour
        return np.array_equal(expected, fb)
