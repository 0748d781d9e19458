"""path: every cell on a shortest way between two cells of a colour, around the rectangles.

The source's rule. There always two rectangles are in the way, and it is never longer than twice
a grid's width.
"""

from __future__ import annotations

import numpy as np

from world.grids.painting.distances import FAR, distances
from world.grids.painting.objects import cells_of, changed_colours, only_answer, present, steps_from
from world.grids.painting.rectangles import Plane, Rectangles
from world.grids.painting.scenes import Scenes, single_cells
from world.grids.painting.task import Grid, Indices, Mask, Pair, Scene, Task, tasks

SHORTEST = 3
"""Steps between the two ends at least."""


@tasks.register("path")
class Path(Task):
    """The scene's last two marks are the ends."""

    keeps_to_scene = True

    def colours(self, rectangles: int) -> int:
        return rectangles + 2

    def scenes(self, plane: Plane, rectangles: int) -> Scenes:
        cells = single_cells(plane)
        ends = np.stack(np.triu_indices(len(cells), k=1), axis=1)
        return Scenes(plane, rectangles, cells[ends])

    def valid(self, plane: Plane, rects: Rectangles, parameter: Indices) -> Mask:
        free = ~plane.union(rects[:, :-2])
        one, other = plane.full(rects[:, -2]), plane.full(rects[:, -1])
        good = np.any(one & free, axis=1) & np.any(other & free, axis=1)
        steps = distances(plane, free[good], one[good])[other[good]]
        good[good] = (steps >= SHORTEST) & (steps < FAR)
        return good

    def paint(self, pair: Pair, scene: Scene) -> None:
        x, fx = pair.x, pair.fx
        plane, rects, colours = scene.plane, scene.rects, scene.colours
        walls = rects.shape[1] - 2
        for k in range(walls):
            for canvas in (x, fx):
                canvas.paint(plane.full(rects[:, k]), colours[:, k], k)
        ends = [plane.full(rects[:, k]) for k in (walls, walls + 1)]
        one, other = (distances(plane, x.cells == 0, end) for end in ends)
        fx.paint(one + other == one[ends[1]][:, None], colours[:, -1], walls + 2)
        for k, end in enumerate(ends, walls):
            for canvas in (x, fx):
                canvas.paint(end, colours[:, -2], k)

    def verify(self, a: Grid, fa: Grid, b: Grid, fb: Grid) -> bool:
        before, after = changed_colours(a, fa)
        if before != {0} or len(after) != 1:
            return False
        way = after.pop()
        ends = [end for end in present(a) if np.array_equal(_joined(a, end, way), fa)]
        return only_answer([_joined(b, end, way) for end in ends], b, fb)


def _joined(grid: Grid, end: int, way: int) -> Grid:
    """The grid with its two cells of colour ``end`` joined; as it is where they are not two."""
    ends = cells_of(grid, end)
    if len(ends) != 2 or way in grid:
        return grid
    from_one, from_other = (steps_from(grid, at, towards) for at, towards in (ends, ends[::-1]))
    joined = grid.copy()
    for cell in from_one.keys() & from_other.keys() - set(ends):
        if from_one[cell] + from_other[cell] == from_one[ends[1]]:
            joined[cell] = way
    return joined
