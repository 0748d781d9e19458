"""grow: one rectangle gains a border one cell wide, or loses it."""

from __future__ import annotations

import numpy as np

from world.grids.painting.objects import box, changed_colours, grown, inside, shrunk, solid, within
from world.grids.painting.task import Grid, Pair, Scene, Task, tasks


@tasks.register("grow")
class Grow(Task):
    """The last rectangle grows (parameter 0) or shrinks (1) by one cell on every side."""

    parameters = 2
    keeps_to_scene = True

    def colours(self, rectangles: int) -> int:
        return rectangles

    def paint(self, pair: Pair, scene: Scene) -> None:
        x, fx = pair.x, pair.fx
        plane, rects, colours, parameter = scene.plane, scene.rects, scene.colours, scene.parameter
        last = rects.shape[1] - 1
        for k in range(last):
            for canvas in (x, fx):
                canvas.paint(plane.full(rects[:, k]), colours[:, k], k)
        large, small = plane.full(rects[:, last]), plane.inner(rects[:, last])
        grows = (parameter == 0)[:, None]
        x.paint(np.where(grows, small, large), colours[:, last], last)
        fx.paint(np.where(grows, large, small), colours[:, last], last)

    def verify(self, a: Grid, fa: Grid, b: Grid, fb: Grid) -> bool:
        before, after = changed_colours(a, fa)
        colours = (before | after) - {0}
        if len(colours) != 1 or len(before) != 1 or len(after) != 1:
            return False
        colour = colours.pop()
        if not (b == colour).any():
            return False
        to = grown(box(b, colour)) if before == {0} else shrunk(box(b, colour))
        if not within(to, b) or not solid(b):
            return False
        expected = np.where(b == colour, 0, b)
        if inside(expected, to).any():
            return False
        inside(expected, to)[...] = colour
        return np.array_equal(expected, fb)
