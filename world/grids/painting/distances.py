"""How many steps away cells are, for whole batches; the verifiers count in a way of their own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from world.grids.painting.rectangles import Mask, Plane

FAR = np.iinfo(np.int16).max // 2
"""The distance of cells that no step leads to; the sum of two is no overflow."""


def distances(plane: Plane, free: Mask, start: Mask) -> NDArray[np.int16]:
    """int16 [n, G]: steps from ``start`` to every cell, from side to side through ``free`` cells.

    free, start: bool [n, G]. FAR where no step leads. A start need not be free.
    """
    grids = (len(free), plane.height, plane.width)
    unseen = (free & ~start).reshape(grids)
    reached = start.reshape(grids)
    steps = np.full(grids, FAR, dtype=np.int16)
    step = 0
    while reached.any():
        np.copyto(steps, np.int16(step), where=reached)
        reached = beside(reached) & unseen
        unseen &= ~reached
        step += 1
    return steps.reshape(free.shape)


def beside(cells: Mask) -> Mask:
    """bool [n, H, W]: which cells share a side with one of ``cells``, of that shape."""
    beside = np.zeros_like(cells)
    beside[:, 1:] |= cells[:, :-1]
    beside[:, :-1] |= cells[:, 1:]
    beside[:, :, 1:] |= cells[:, :, :-1]
    beside[:, :, :-1] |= cells[:, :, 1:]
    return beside
