"""trajectory: a cell that made one step goes on with the same step to the edge of the grid.

The source's rule: only the two cells stand in X, whatever the number of rectangles of a world.
"""

from __future__ import annotations

import numpy as np

from world.grids.painting.objects import cells_of, changed_colours, present
from world.grids.painting.rectangles import Plane
from world.grids.painting.scenes import Scenes, cells_in_step
from world.grids.painting.task import Grid, Pair, Scene, Task, tasks

LONGEST = 3
"""Rows and columns that a step crosses at most."""
STEPS = np.array(
    [
        (i, j)
        for i in range(-LONGEST, LONGEST + 1)
        for j in range(-LONGEST, LONGEST + 1)
        if (i, j) != (0, 0)
    ]
)


@tasks.register("trajectory")
class Trajectory(Task):
    """A scene is where the cell was and where it is; there is room for a step more."""

    keeps_to_scene = True

    def colours(self, rectangles: int) -> int:
        return 2

    def scenes(self, plane: Plane, rectangles: int) -> Scenes:
        return Scenes(plane, 0, cells_in_step(plane, STEPS, ahead=2))

    def paint(self, pair: Pair, scene: Scene) -> None:
        x, fx = pair.x, pair.fx
        plane, rects, colours = scene.plane, scene.rects, scene.colours
        for k in (0, 1):
            for canvas in (x, fx):
                canvas.paint(plane.full(rects[:, k]), colours[:, k], k)
        row, column = np.divmod(np.arange(plane.height * plane.width), plane.width)
        (top, left), step = rects[:, 1, :2].T, rects[:, 1, :2] - rects[:, 0, :2]
        for times in range(1, max(plane.height, plane.width)):
            at = top + times * step[:, 0], left + times * step[:, 1]
            fx.paint((row == at[0][:, None]) & (column == at[1][:, None]), colours[:, 1], 1)

    def verify(self, a: Grid, fa: Grid, b: Grid, fb: Grid) -> bool:
        _, after = changed_colours(a, fa)
        start = set(present(a)) - after
        if len(after) != 1 or len(start) != 1:
            return False
        colours = start.pop(), after.pop()
        return _goes_on(a, fa, *colours) and _goes_on(b, fb, *colours)


def _goes_on(x: Grid, fx: Grid, start: int, ahead: int) -> bool:
    """Whether f(X) repeats the step from the one cell of X to the other."""
    if sorted(x[x > 0].tolist()) != sorted((start, ahead)):
        return False
    ((i, j),), ((row, column),) = cells_of(x, start), cells_of(x, ahead)
    down, across = row - i, column - j
    expected = x.copy()
    while 0 <= row < x.shape[0] and 0 <= column < x.shape[1]:
        expected[row, column] = ahead
        row, column = row + down, column + across
    return np.array_equal(expected, fx) and not np.array_equal(x, fx)
