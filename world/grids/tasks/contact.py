"""contact: rectangles that touch the first one take its colour on their border."""

from __future__ import annotations

import numpy as np

from world.grids.painting.objects import Box, box, changed_colours, inside, present, shrunk, solid
from world.grids.painting.rectangles import Plane, Rectangles, touch
from world.grids.painting.task import Grid, Indices, Mask, Pair, Scene, Task, tasks


@tasks.register("contact")
class Contact(Task):
    """At least one rectangle shares a side with the first in each pair."""

    keeps_to_scene = True

    def colours(self, rectangles: int) -> int:
        return rectangles

    def valid(self, plane: Plane, rects: Rectangles, parameter: Indices) -> Mask:
        if rects.shape[1] < 2:
            return np.zeros(len(rects), dtype=np.bool_)
        first = rects[:, 0]
        return np.any([touch(first, rects[:, k]) for k in range(1, rects.shape[1])], axis=0)

    def paint(self, pair: Pair, scene: Scene) -> None:
        x, fx = pair.x, pair.fx
        plane, rects, colours = scene.plane, scene.rects, scene.colours
        for k in range(rects.shape[1]):
            full = plane.full(rects[:, k])
            for canvas in (x, fx):
                canvas.paint(full, colours[:, k], k)
            if k:
                touching = touch(rects[:, 0], rects[:, k])[:, None]
                fx.paint(plane.outline(rects[:, k]) & touching, colours[:, 0], k)

    def verify(self, a: Grid, fa: Grid, b: Grid, fb: Grid) -> bool:
        _, after = changed_colours(a, fa)
        if len(after) != 1 or (first := after.pop()) not in b or first == 0 or not solid(b):
            return False
        expected = b.copy()
        for colour in present(b):
            at = box(b, colour)
            if colour != first and _touch(at, box(b, first)):
                core = inside(b, shrunk(at)).copy()
                inside(expected, at)[...] = first
                inside(expected, shrunk(at))[...] = core
        return np.array_equal(expected, fb) and not np.array_equal(b, fb)


def _touch(one: Box, other: Box) -> bool:
    vertical = max(one[0] - other[2], other[0] - one[2])
    horizontal = max(one[1] - other[3], other[1] - one[3])
    return sorted((vertical, horizontal))[1] == 0 and min(vertical, horizontal) < 0
