"""detect: every rectangle but one gets a mark in its top left cell.

The rectangles stay in f(X), so that B can be found from f(B). In the source a mark is three cells:
see ``detect_ell``.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from world.grids.painting.objects import box, changed_colours, present, solid
from world.grids.painting.rectangles import Plane, Rectangles
from world.grids.painting.task import Grid, Indices, Mask, Pair, Scene, Task, tasks


@tasks.register("detect")
class Detect(Task):
    """The last rectangle is the one that is not marked."""

    keeps_to_scene = True
    mark: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0),)
    """Cells of a mark: rows and columns from the top left of its rectangle."""

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
            for row, column in self.mark if k < last else ():
                fx.paint(plane.cell(rects[:, k], row, column), colours[:, -1], k)

    def verify(self, a: Grid, fa: Grid, b: Grid, fb: Grid) -> bool:
        marked, marks = changed_colours(a, fa)
        if len(marks) != 1 or not marked or (mark := marks.pop()) in b or mark == 0:
            return False
        if not marked <= set(present(b)) or not solid(b):
            return False
        expected = b.copy()
        for colour in marked:
            top, left, bottom, right = box(b, colour)
            for row, column in self.mark:
                if top + row >= bottom or left + column >= right:
                    return False
                expected[top + row, left + column] = mark
        return np.array_equal(expected, fb)
