"""corners: rectangles of which only two opposite corners are shown are completed."""

from __future__ import annotations

import numpy as np

from world.grids.painting.objects import Box, box, inside, present
from world.grids.painting.task import Grid, Pair, Scene, Task, tasks


@tasks.register("corners")
class Corners(Task):
    """X shows three cells at two ends of one diagonal (the parameter), f(X) whole rectangles."""

    parameters = 2
    keeps_to_scene = True

    def colours(self, rectangles: int) -> int:
        return rectangles

    def paint(self, pair: Pair, scene: Scene) -> None:
        x, fx = pair.x, pair.fx
        plane, rects, colours, parameter = scene.plane, scene.rects, scene.colours, scene.parameter
        for k in range(rects.shape[1]):
            x.paint(plane.ells(rects[:, k], parameter == 1), colours[:, k], k)
            fx.paint(plane.full(rects[:, k]), colours[:, k], k)

    def verify(self, a: Grid, fa: Grid, b: Grid, fb: Grid) -> bool:
        if not present(a) or not present(b) or present(b) != present(fb):
            return False
        top, left, _, _ = box(a, present(a)[0])
        falling = a[top, left] == present(a)[0]
        expected_b, expected_fb = np.zeros_like(b), np.zeros_like(fb)
        for colour in present(b):
            at = box(b, colour)
            _draw_ells(expected_b, at, colour, falling)
            inside(expected_fb, at)[...] = colour
        return np.array_equal(expected_b, b) and np.array_equal(expected_fb, fb)


def _draw_ells(grid: Grid, at: Box, colour: int, falling: bool) -> None:
    """Three cells at the top left and bottom right, or at the other two corners."""
    view = inside(grid, at) if falling else inside(grid, at)[:, ::-1]
    view[0, 0] = view[1:2, 0] = view[0, 1:2] = colour
    view[-1, -1] = view[-2:-1, -1] = view[-1, -2:-1] = colour
