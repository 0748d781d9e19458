"""frame: of one rectangle only the border stays."""

from __future__ import annotations

import numpy as np

from world.grids.painting.objects import box, changed_colours, inside, shrunk, within
from world.grids.painting.task import Grid, Pair, Scene, Task, tasks


@tasks.register("frame")
class Frame(Task):
    """The inside of the last rectangle becomes background."""

    keeps_to_scene = True

    def colours(self, rectangles: int) -> int:
        return rectangles

    def paint(self, pair: Pair, scene: Scene) -> None:
        x, fx = pair.x, pair.fx
        plane, rects, colours = scene.plane, scene.rects, scene.colours
        last = rects.shape[1] - 1
        for k in range(last + 1):
            x.paint(plane.full(rects[:, k]), colours[:, k], k)
            kept = plane.outline if k == last else plane.full
            fx.paint(kept(rects[:, k]), colours[:, k], k)

    def verify(self, a: Grid, fa: Grid, b: Grid, fb: Grid) -> bool:
        before, after = changed_colours(a, fa)
        if len(before) != 1 or after != {0}:
            return False
        colour = before.pop()
        if not (b == colour).any() or not within(shrunk(box(b, colour)), b):
            return False
        at = box(b, colour)
        expected = b.copy()
        inside(expected, shrunk(at))[...] = 0
        return bool((inside(b, at) == colour).all()) and np.array_equal(expected, fb)
