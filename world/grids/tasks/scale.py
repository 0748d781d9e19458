"""scale: a small picture in one quarter of the grid is drawn twice as large.

In the source the small picture stands anywhere, and a mark that shows where hides part of both.
Here the quarter is the rule's, and the large picture starts at the top left.
Whatever the number of rectangles of a world, the picture is a rectangle and a single cell.
"""

from __future__ import annotations

import numpy as np

from world.grids.painting.objects import only_answer
from world.grids.painting.rectangles import Plane, overlap
from world.grids.painting.scenes import Scenes, single_cells
from world.grids.painting.task import Grid, Pair, Scene, Task, tasks

LARGEST = 3
"""Rows and columns of the small rectangle at most."""


@tasks.register("scale")
class Scale(Task):
    """Bits of the parameter: the quarter is a lower one, and a right one."""

    parameters = 4

    def colours(self, rectangles: int) -> int:
        return 2

    def scenes(self, plane: Plane, rectangles: int) -> Scenes:
        quarter = Plane(plane.height // 2, plane.width // 2)
        cells = single_cells(quarter)
        sizes = [(0, 0, i, j) for i in range(LARGEST) for j in range(LARGEST)]
        bodies = np.concatenate([np.add(cells, size, dtype=np.int16) for size in sizes])
        bodies = bodies[(bodies[:, 2] <= quarter.height) & (bodies[:, 3] <= quarter.width)]
        body, cell = np.indices((len(bodies), len(cells))).reshape(2, -1)
        pictures = np.stack([bodies[body], cells[cell]], axis=1)
        return Scenes(plane, 0, pictures[~overlap(pictures[:, 0], pictures[:, 1])])

    def paint(self, pair: Pair, scene: Scene) -> None:
        x, fx = pair.x, pair.fx
        plane, rects, colours, parameter = scene.plane, scene.rects, scene.colours, scene.parameter
        down = (parameter & 1) * (plane.height - plane.height // 2)
        right = (parameter >> 1) * (plane.width - plane.width // 2)
        corner = np.stack([down, right, down, right], axis=1).astype(np.int16)
        for k in range(rects.shape[1]):
            x.paint(plane.full(rects[:, k] + corner), colours[:, k], k)
            fx.paint(plane.full(2 * rects[:, k]), colours[:, k], k)

    def verify(self, a: Grid, fa: Grid, b: Grid, fb: Grid) -> bool:
        quarters = [(lower, right) for lower in (0, 1) for right in (0, 1)]
        shown = [quarter for quarter in quarters if np.array_equal(_doubled(a, *quarter), fa)]
        return only_answer([_doubled(b, *quarter) for quarter in shown], b, fb)


def _doubled(grid: Grid, lower: int, right: int) -> Grid:
    """The quarter of a grid twice as large; the grid as it is where more stands elsewhere."""
    height, width = grid.shape[0] // 2, grid.shape[1] // 2
    top, left = lower * (grid.shape[0] - height), right * (grid.shape[1] - width)
    quarter = grid[top : top + height, left : left + width]
    if np.count_nonzero(quarter) != np.count_nonzero(grid):
        return grid
    large = np.zeros_like(grid)
    large[: 2 * height, : 2 * width] = quarter.repeat(2, axis=0).repeat(2, axis=1)
    return large
