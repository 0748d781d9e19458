"""grow_large: one rectangle, never a small one, gains a border one cell wide, or loses it.

This is the source's `grow`: the larger of the two rectangles has sides of at least four cells. In
`grow` it may be three cells wide, and the smaller one is then a line.
"""

from __future__ import annotations

from world.grids.painting.rectangles import Plane, Rectangles, moderate
from world.grids.painting.task import Indices, Mask, tasks
from world.grids.tasks.grow import Grow

LEAST_SIDE = 4
"""Of the larger rectangle."""


@tasks.register("grow_large")
class GrowLarge(Grow):
    """The last rectangle grows or shrinks; none takes more than half of the grid."""

    def valid(self, plane: Plane, rects: Rectangles, parameter: Indices) -> Mask:
        sides = rects[:, -1, 2:] - rects[:, -1, :2]
        return (sides >= LEAST_SIDE).all(axis=1) & moderate(plane, rects)
