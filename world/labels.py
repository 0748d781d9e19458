"""What is true at every token of a grid quiz: what probes and features are graded by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from world.base import TokenRole
from world.batch import QuizBatch

if TYPE_CHECKING:
    from world.worlds.grids import GridsWorld

OUTSIDE, EDGE, INSIDE = 0, 1, 2


def grid_labels(world: GridsWorld, batch: QuizBatch) -> dict[str, NDArray[np.int16]]:
    """int16 [B, T] by name; -1 at label tokens and where the truth is not known.

    part: which of A, fA, B, fB. slot: its place in the sequence. row, column, colour.
    task: of the whole quiz. changed: 1 where the cell differs between X and f(X).
    rectangle: which rectangle or mark painted the cell, -1 for none. edge: 0 outside rectangles,
    1 on the border of the visible part of one, 2 inside it.
    """
    count, length = batch.tokens.shape
    cell = world.roles[0] != TokenRole.LABEL
    slot, row, column = world.coordinates.T
    parts = np.array([s.parts for s in world.structures])[batch.structure][:, slot]
    constant = {"slot": slot, "row": row, "column": column}
    labels = {k: np.broadcast_to(v, (count, length)) for k, v in constant.items()}
    labels |= {"part": parts, "colour": batch.tokens}
    labels["task"] = np.broadcast_to(batch.task[:, None], (count, length))
    labels["changed"] = _changed(world, batch)
    if batch.regions is not None:
        labels["rectangle"] = batch.regions - 1
        labels["edge"] = _edges(world, batch.regions)
    else:
        labels["rectangle"] = labels["edge"] = np.full((count, length), -1)
    return {k: np.where(cell, v.astype(np.int16), np.int16(-1)) for k, v in labels.items()}


def _changed(world: GridsWorld, batch: QuizBatch) -> NDArray[np.int16]:
    straight = world.arrange(QuizBatch(batch.tokens, batch.structure, batch.task), 0)
    pairs = straight.tokens.reshape(len(batch), 2, 2, -1)
    differs = (pairs[:, :, :1] != pairs[:, :, 1:]).repeat(2, axis=2).reshape(batch.tokens.shape)
    flags = QuizBatch(differs.astype(np.uint8), straight.structure, batch.task)
    return world.arrange(flags, batch.structure).tokens.astype(np.int16)


def _edges(world: GridsWorld, regions: NDArray[np.int8]) -> NDArray[np.int16]:
    grids = regions.reshape(len(regions), 4, -1)[:, :, 1:]
    grids = grids.reshape(len(regions), 4, world.height, world.width)
    padded = np.pad(grids, ((0, 0), (0, 0), (1, 1), (1, 1)))
    around = [
        padded[:, :, 1 + i : 1 + i + world.height, 1 + j : 1 + j + world.width]
        for i, j in ((-1, 0), (1, 0), (0, -1), (0, 1))
    ]
    inside = np.all([a == grids for a in around], axis=0)
    edge = np.where(grids == 0, OUTSIDE, np.where(inside, INSIDE, EDGE))
    full = np.full((len(regions), 4, 1 + world.cells), -1, dtype=np.int16)
    full[:, :, 1:] = edge.reshape(len(regions), 4, world.cells)
    return full.reshape(regions.shape)
