"""replace_color: one rectangle takes another colour."""

from __future__ import annotations

import numpy as np

from world.grids.painting.objects import changed_colours
from world.grids.painting.task import Grid, Pair, Scene, Task, tasks


@tasks.register("replace_color")
class ReplaceColor(Task):
    """The first rectangle's colour becomes one that no rectangle has."""

    keeps_to_scene = True

    def colours(self, rectangles: int) -> int:
        return rectangles + 1

    def paint(self, pair: Pair, scene: Scene) -> None:
        x, fx = pair.x, pair.fx
        plane, rects, colours = scene.plane, scene.rects, scene.colours
        for k in range(rects.shape[1]):
            mask = plane.full(rects[:, k])
            x.paint(mask, colours[:, k], k)
            fx.paint(mask, colours[:, -1] if k == 0 else colours[:, k], k)

    def verify(self, a: Grid, fa: Grid, b: Grid, fb: Grid) -> bool:
        before, after = changed_colours(a, fa)
        if len(before) != 1 or len(after) != 1:
            return False
        old, new = before.pop(), after.pop()
        return bool(old and new and np.array_equal(np.where(b == old, new, b), fb)) and new not in b
