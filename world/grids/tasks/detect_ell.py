"""detect_ell: every rectangle but one gets a mark of three cells at its top left.

This is the source's `detect`: the cell at the corner, the one below it and the one to its right.
"""

from __future__ import annotations

from typing import ClassVar

from world.grids.painting.rectangles import Plane, Rectangles, moderate
from world.grids.painting.task import Indices, Mask, tasks
from world.grids.tasks.detect import Detect


@tasks.register("detect_ell")
class DetectEll(Detect):
    """The last rectangle is the one that is not marked; none takes more than half of the grid."""

    mark: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0), (1, 0), (0, 1))

    def valid(self, plane: Plane, rects: Rectangles, parameter: Indices) -> Mask:
        return super().valid(plane, rects, parameter) & moderate(plane, rects)
