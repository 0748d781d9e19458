"""isometry: the whole grid is turned by quarters of a circle, flipped, or both.

In the source the picture may also shift by a cell, rectangles may hide one another, colours
change from pair to pair, and a symmetric picture leaves open what was done to it. Here nothing
shifts, and no grid has a symmetry, so that one pair shows the isometry. A picture in which a
single rectangle moves, by a cell, is left out: `translate` would explain it too.
"""

from __future__ import annotations

import numpy as np

from world.grids.painting.objects import only_answer
from world.grids.painting.rectangles import Plane, Rectangles
from world.grids.painting.task import Grid, Indices, Mask, Pair, Scene, Task, tasks

ISOMETRIES = 7
"""Isometries of a square but the identity; of an oblong, only the first three."""


@tasks.register("isometry")
class Isometry(Task):
    """Bits of the parameter + 1: the rows are flipped, the columns, and the axes exchanged."""

    parameters = ISOMETRIES
    keeps_to_scene = True

    def colours(self, rectangles: int) -> int:
        return rectangles

    def valid(self, plane: Plane, rects: Rectangles, parameter: Indices) -> Mask:
        good = (parameter < 3) | (plane.height == plane.width)
        for other in range(ISOMETRIES if plane.height == plane.width else 3):
            image = _moved(plane, rects, np.full(len(rects), other))
            good &= (image != rects).any(axis=(1, 2))
        change = np.abs(_moved(plane, rects, parameter) - rects).max(axis=2)
        return good & (((change > 0).sum(axis=1) > 1) | (change > 1).any(axis=1))

    def paint(self, pair: Pair, scene: Scene) -> None:
        x, fx = pair.x, pair.fx
        plane, rects, colours, parameter = scene.plane, scene.rects, scene.colours, scene.parameter
        moved = _moved(plane, rects, parameter)
        for k in range(rects.shape[1]):
            x.paint(plane.full(rects[:, k]), colours[:, k], k)
            fx.paint(plane.full(moved[:, k]), colours[:, k], k)

    def verify(self, a: Grid, fa: Grid, b: Grid, fb: Grid) -> bool:
        pairs = zip(_images(a), _images(b), strict=True)
        return only_answer([of_b for of_a, of_b in pairs if np.array_equal(of_a, fa)], b, fb)


def _moved(plane: Plane, rects: Rectangles, parameter: Indices) -> Rectangles:
    """Where rectangles [n, R, 4] of a grid come to lie."""
    flip_rows, flip_columns, exchange = ((parameter[:, None] + 1) >> bit & 1 for bit in range(3))
    top, left, bottom, right = np.where(
        exchange, np.moveaxis(rects[:, :, [1, 0, 3, 2]], 2, 0), np.moveaxis(rects, 2, 0)
    )
    rows = np.where(flip_rows, (plane.height - bottom, plane.height - top), (top, bottom))
    columns = np.where(flip_columns, (plane.width - right, plane.width - left), (left, right))
    return np.stack([rows[0], columns[0], rows[1], columns[1]], axis=2)


def _images(grid: Grid) -> list[Grid]:
    """The grid turned by 1, 2 and 3 quarters, then flipped and turned by 0 to 3."""
    turned = [np.rot90(grid, quarters) for quarters in (1, 2, 3)]
    return turned + [np.rot90(grid[::-1], quarters) for quarters in range(4)]
