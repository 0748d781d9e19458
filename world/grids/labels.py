"""What is true at every token of a grid quiz: what probes and features are graded by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world.core.batch import QuizBatch
from world.grids.codec import Codec

OUTSIDE, EDGE, INSIDE = 0, 1, 2
OBJECT_LABELS = ("rectangle", "edge", "down", "across", "bottom", "right", "corner", "acted")
"""Those that only a painter knows."""

Cells = NDArray[Any]
"""[B, 4, H, W]: a value for each cell of four grids, in the order written."""


def grid_labels(codec: Codec, batch: QuizBatch) -> dict[str, NDArray[np.int16]]:
    """int16 [B, T] by name; -1 at label tokens, where it has no meaning and where the truth is
    not known, as of what painted a quiz that an agent made.

    task, layout: of the whole quiz.

    Place. part: which of A, fA, B, fB. slot: its place in the sequence. row, column. place: both,
    counted row by row.

    Colour. colour: the cell's. above: the one above it. like_left, like_above: 1 where that
    neighbour has the same. fresh: 1 at the first cell of a colour in its grid, in reading order;
    -1 for background. latest: the last colour in its grid up to here, 0 before any. taken, put: 1
    where the cell's colour is one that the rule takes from X, or puts into f(X), in either pair.

    Copying, for grids whose pair partner is written before them. source: colour of the cell at
    the same place there. departs: 1 at the first cell, in reading order, that differs from its
    source. departed: 1 after that cell. For all grids, changed: 1 where partners differ.

    Objects. rectangle: which rectangle or mark painted the cell, -1 for none. edge: 0 outside
    rectangles, 1 on the border of the visible part of one, 2 inside it. down, across: rows and
    columns from the top and the left of its rectangle, as far as it is seen in this grid. bottom,
    right: 1 in its last row or column. corner: 0 for none, then top left, top right, bottom left,
    bottom right. acted: 1 where the rule changes the rectangle.
    """
    cells = _Cells.of(codec, batch)
    shape = cells.colour.shape
    slot, row, column = np.ogrid[:4, : codec.height, : codec.width]
    found: dict[str, Cells] = {
        "task": batch.task[:, None, None, None],
        "layout": batch.layout[:, None, None, None],
        "part": cells.parts[:, :, None, None],
        "slot": slot,
        "row": row,
        "column": column,
        "place": row * codec.width + column,
        **_colours(cells),
        **_copying(cells),
        **_objects(cells),
    }
    return {name: _at_tokens(np.broadcast_to(values, shape)) for name, values in found.items()}


@dataclass(frozen=True)
class _Cells:
    """Quizzes as cells. parts: int64 [B, 4], the part in each slot. colour: uint8. partner: the
    colours of the pair's other grid. copies: bool [B, 4, 1, 1], whether that is written earlier.
    regions: int8, or None without a painter."""

    parts: NDArray[np.int64]
    colour: Cells
    partner: Cells
    copies: NDArray[np.bool_]
    regions: Cells | None

    @classmethod
    def of(cls, codec: Codec, batch: QuizBatch) -> _Cells:
        def cells(rows: NDArray[Any]) -> Cells:
            grids = rows.reshape(len(batch), 4, 1 + codec.cells)[:, :, 1:]
            return grids.reshape(len(batch), 4, codec.height, codec.width)

        parts = np.array([s.parts for s in codec.layouts])[batch.layout]
        # Parts 0 and 1 are a pair, and 2 and 3; the slot of a part is where it sorts to.
        other = np.take_along_axis(np.argsort(parts, axis=1), parts ^ 1, axis=1)[:, :, None, None]
        colour = cells(batch.tokens)
        return cls(
            parts,
            colour,
            np.take_along_axis(colour, other, axis=1),
            other < np.arange(4)[:, None, None],
            None if batch.regions is None else cells(batch.regions),
        )


def _flat(cells: NDArray[Any]) -> NDArray[Any]:
    """[B, 4, H * W] of [B, 4, H, W], of no quizzes too."""
    return cells.reshape(*cells.shape[:2], cells.shape[2] * cells.shape[3])


def _at_tokens(values: Cells) -> NDArray[np.int16]:
    """int16 [B, T] of [B, 4, H, W], with -1 at the label token before each grid."""
    grids = values.reshape(len(values), 4, values.shape[2] * values.shape[3])
    return np.pad(grids.astype(np.int16), ((0, 0), (0, 0), (1, 0)), constant_values=-1).reshape(
        len(values), 4 * (1 + grids.shape[2])
    )


def _colours(cells: _Cells) -> dict[str, Cells]:
    colour = cells.colour.astype(np.int16)
    above, left = np.full_like(colour, -1), np.full_like(colour, -1)
    above[:, :, 1:], left[:, :, :, 1:] = colour[:, :, :-1], colour[:, :, :, :-1]
    changed = cells.colour != cells.partner
    of_image = (cells.parts % 2 == 1)[:, :, None, None]
    return {
        "colour": colour,
        "above": above,
        "like_left": np.where(left < 0, -1, left == colour),
        "like_above": np.where(above < 0, -1, above == colour),
        "fresh": np.where(colour == 0, -1, _fresh(colour)),
        "latest": _latest(colour),
        "taken": _among(colour, changed & ~of_image),
        "put": _among(colour, changed & of_image),
    }


def _fresh(colour: Cells) -> NDArray[np.bool_]:
    """The first cell of every colour in its grid, in reading order."""
    grids = _flat(colour)
    first = np.zeros(grids.shape, dtype=np.bool_)
    for value in range(int(colour.max(initial=0)) + 1):
        first |= _first(grids == value)
    return first.reshape(colour.shape)


def _latest(colour: Cells) -> Cells:
    """The colour of the last cell up to each, in reading order, that is not background."""
    grids = _flat(colour)
    at = np.maximum.accumulate(np.where(grids > 0, np.arange(grids.shape[2]), 0), axis=2)
    return np.take_along_axis(grids, at, axis=2).reshape(colour.shape)


def _first(flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The first true flag of each last axis alone."""
    return flags & (np.cumsum(flags, axis=-1) == 1)


def _among(colour: Cells, where: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The cells whose colour is that of some cell of their quiz within ``where``."""
    found = np.zeros(colour.shape, dtype=np.bool_)
    for value in range(int(colour.max(initial=0)) + 1):
        same = colour == value
        found |= same & (same & where).any(axis=(1, 2, 3), keepdims=True)
    return found


def _copying(cells: _Cells) -> dict[str, Cells]:
    changed = cells.colour != cells.partner
    grids = _flat(changed)
    departs = _first(grids)
    departed = (np.cumsum(grids, axis=2) > 0) & ~departs
    only = {
        "source": cells.partner.astype(np.int16),
        "departs": departs.reshape(changed.shape),
        "departed": departed.reshape(changed.shape),
    }
    return {
        "changed": changed,
        **{name: np.where(cells.copies, values, -1) for name, values in only.items()},
    }


def _objects(cells: _Cells) -> dict[str, Cells]:
    if cells.regions is None:
        unknown = np.full((1, 1, 1, 1), -1)
        return dict.fromkeys(OBJECT_LABELS, unknown)
    down, across, bottom, right = _within(cells.regions)
    top, left = down == 0, across == 0
    changed = cells.colour != cells.partner
    found = {
        "down": down,
        "across": across,
        "bottom": bottom,
        "right": right,
        "corner": np.select(
            [top & left, top & right, bottom & left, bottom & right], [1, 2, 3, 4], 0
        ),
        "acted": _among(cells.regions, changed),
    }
    painted = cells.regions > 0
    return {
        "rectangle": cells.regions - 1,
        "edge": _edges(cells.regions),
        **{name: np.where(painted, values, -1) for name, values in found.items()},
    }


def _edges(regions: Cells) -> Cells:
    padded = np.pad(regions, ((0, 0), (0, 0), (1, 1), (1, 1)))
    height, width = regions.shape[2:]
    around = [
        padded[:, :, 1 + i : 1 + i + height, 1 + j : 1 + j + width]
        for i, j in ((-1, 0), (1, 0), (0, -1), (0, 1))
    ]
    inside = np.all([a == regions for a in around], axis=0)
    return np.where(regions == 0, OUTSIDE, np.where(inside, INSIDE, EDGE))


def _within(regions: Cells) -> tuple[Cells, Cells, NDArray[np.bool_], NDArray[np.bool_]]:
    """Where cells are in the box around what their object painted in their grid: rows from its
    top, columns from its left, whether in its last row, and column.

    Of a rectangle shown in part, such as its corners, this is the box of the whole.
    """
    down, across = np.zeros(regions.shape, dtype=np.int64), np.zeros(regions.shape, dtype=np.int64)
    bottom, right = np.zeros(regions.shape, dtype=np.bool_), np.zeros(regions.shape, dtype=np.bool_)
    height, width = regions.shape[2:]
    row, column = np.ogrid[:height, :width]
    for value in range(1, int(regions.max(initial=0)) + 1):
        mask = regions == value
        rows, columns = mask.any(axis=3), mask.any(axis=2)
        np.copyto(down, row - _place(rows), where=mask)
        np.copyto(across, column - _place(columns), where=mask)
        bottom |= mask & (row == height - 1 - _place(rows[..., ::-1]))
        right |= mask & (column == width - 1 - _place(columns[..., ::-1]))
    return down, across, bottom, right


def _place(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """int64 [..., 1, 1]: where the first true flag of each last axis is."""
    return flags.argmax(axis=-1)[..., None, None]
