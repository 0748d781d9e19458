"""fill: a cell's colour flows over the background around it, up to the rectangles.

As in the source, the cell itself becomes background, so that X can be found from f(X). There
half of the grids may have a single region, in which to fill means to paint all background; here
each has background that the colour does not reach, and some that it does.
"""

from __future__ import annotations

import numpy as np

from world.grids.painting.distances import FAR, distances
from world.grids.painting.objects import cells_of, changed_colours, steps_from
from world.grids.painting.rectangles import Plane, Rectangles
from world.grids.painting.scenes import Scenes, single_cells
from world.grids.painting.task import Grid, Indices, Mask, Pair, Scene, Task, tasks


@tasks.register("fill")
class Fill(Task):
    """The scene's last mark is the cell that the colour flows from."""

    keeps_to_scene = True

    def colours(self, rectangles: int) -> int:
        return rectangles + 1

    def scenes(self, plane: Plane, rectangles: int) -> Scenes:
        return Scenes(plane, rectangles, single_cells(plane)[:, None])

    def valid(self, plane: Plane, rects: Rectangles, parameter: Indices) -> Mask:
        seed, free = plane.full(rects[:, -1]), ~plane.union(rects[:, :-1])
        good = np.any(seed & free, axis=1)
        reached = distances(plane, free[good], seed[good]) < FAR
        good[good] = (reached.sum(axis=1) > 1) & (free[good] & ~reached).any(axis=1)
        return good

    def paint(self, pair: Pair, scene: Scene) -> None:
        x, fx = pair.x, pair.fx
        plane, rects, colours = scene.plane, scene.rects, scene.colours
        last = rects.shape[1] - 1
        for k in range(last):
            for canvas in (x, fx):
                canvas.paint(plane.full(rects[:, k]), colours[:, k], k)
        seed = plane.full(rects[:, last])
        reached = distances(plane, x.cells == 0, seed) < FAR
        x.paint(seed, colours[:, last], last)
        fx.paint(reached & ~seed, colours[:, last], last)

    def verify(self, a: Grid, fa: Grid, b: Grid, fb: Grid) -> bool:
        before, after = changed_colours(a, fa)
        if len(before) != 2 or before != after or 0 not in before:
            return False
        colour = max(before)
        return _flows(a, fa, colour) and _flows(b, fb, colour)


def _flows(x: Grid, fx: Grid, colour: int) -> bool:
    """Whether f(X) is X with the region of its only cell of a colour filled."""
    seeds = cells_of(x, colour)
    if len(seeds) != 1:
        return False
    seed, expected = seeds[0], x.copy()
    for cell in steps_from(x, seed):
        expected[cell] = colour
    expected[seed] = 0
    return np.array_equal(expected, fx) and colour in fx
