"""half_fill: every rectangle has a middle line of a second colour; one is filled from it on."""

from __future__ import annotations

import numpy as np

from world.grids.painting.objects import box, changed_colours, inside
from world.grids.painting.rectangles import half, middle_line
from world.grids.painting.task import Grid, Pair, Scene, Task, tasks


@tasks.register("half_fill")
class HalfFill(Task):
    """The last rectangle is filled from its line towards the bottom, top, right or left."""

    parameters = 4
    keeps_to_scene = True

    def colours(self, rectangles: int) -> int:
        return 2 * rectangles

    def paint(self, pair: Pair, scene: Scene) -> None:
        x, fx = pair.x, pair.fx
        plane, rects, colours, parameter = scene.plane, scene.rects, scene.colours, scene.parameter
        last = rects.shape[1] - 1
        for k in range(last + 1):
            full = plane.full(rects[:, k])
            line = plane.full(middle_line(rects[:, k], parameter))
            filled = plane.full(half(rects[:, k], parameter)) if k == last else line
            for canvas, second in ((x, line), (fx, filled)):
                canvas.paint(full, colours[:, 2 * k], k)
                canvas.paint(second, colours[:, 2 * k + 1], k)

    def verify(self, a: Grid, fa: Grid, b: Grid, fb: Grid) -> bool:
        before, after = changed_colours(a, fa)
        if len(before) != 1 or len(after) != 1:
            return False
        body, second = before.pop(), after.pop()
        if not all((grid == colour).any() for grid in (a, b) for colour in (body, second)):
            return False
        if not _lined(b, body, second):
            return False
        filled, line = box(fa, second), box(a, second)
        expected = b.copy()
        at, mark = box(b, body, second), box(b, second)
        if filled[2] > line[2]:
            region = (mark[0], at[1], at[2], at[3])
        elif filled[0] < line[0]:
            region = (at[0], at[1], mark[2], at[3])
        elif filled[3] > line[3]:
            region = (at[0], mark[1], at[2], at[3])
        else:
            region = (at[0], at[1], at[2], mark[3])
        inside(expected, region)[...] = second
        return np.array_equal(expected, fb) and not np.array_equal(b, fb)


def _lined(grid: Grid, body: int, second: int) -> bool:
    """Whether the two colours make a rectangle with one straight line across it."""
    at, line = box(grid, body, second), box(grid, second)
    rows, columns = line[2] - line[0], line[3] - line[1]
    across = (rows == 1 and columns == at[3] - at[1]) or (columns == 1 and rows == at[2] - at[0])
    expected = np.full((at[2] - at[0], at[3] - at[1]), body)
    inside(expected, (line[0] - at[0], line[1] - at[1], line[2] - at[0], line[3] - at[1]))[...] = (
        second
    )
    return across and np.array_equal(inside(grid, at), expected)
