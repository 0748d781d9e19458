"""detect: every rectangle but one gets a mark in its top left cell.

In the source the marks stand alone in f(X), so B could not be found from f(B); here the
rectangles stay.
"""

from __future__ import annotations

import numpy as np

from world.grids.painting.objects import box, changed_colours, present, solid
from world.grids.painting.rectangles import Plane, Rectangles
from world.grids.painting.task import Grid, Indices, Mask, Pair, Scene, Task, tasks


@tasks.register("detect")
class Detect(Task):
    """The last rectangle is the one that is not marked."""

    def colours(self, rectangles: int) -> int:
        return rectangles + 1

    def valid(self, plane: Plane, rects: Rectangles, parameter: Indices) -> Mask:
        return np.full(len(rects), rects.shape[1] > 1)

    def paint(self, pair: Pair, scene: Scene) -> None:
        x, fx = pair.x, pair.fx
        plane, rects, colours = scene.plane, scene.rects, scene.colours
        last = rects.shape[1] - 1
        for k in range(last + 1):
            for canvas in (x, fx):
                canvas.paint(plane.full(rects[:, k]), colours[:, k], k)
            if k < last:
                fx.paint(plane.corner(rects[:, k]), colours[:, -1], k)

    def verify(self, a: Grid, fa: Grid, b: Grid, fb: Grid) -> bool:
        marked, marks = changed_colours(a, fa)
        if len(marks) != 1 or not marked or (mark := marks.pop()) in b or mark == 0:
            return False
        if not marked <= set(present(b)) or not solid(b):
            return False
        expected = b.copy()
        for colour in marked:
            top, left, _, _ = box(b, colour)
            expected[top, left] = mark
        return np.array_equal(expected, fb)
