"""Reading rectangles off a single grid, for the verifiers; the painters share none of this."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.uint8]
Box = tuple[int, int, int, int]


def present(grid: Grid) -> list[int]:
    """The colours in a grid, ascending, without background."""
    return [int(c) for c in np.unique(grid) if c]


def box(grid: Grid, *colours: int) -> Box:
    """The bounding box (top, left, bottom, right; exclusive ends) of the cells of some colours."""
    rows, columns = np.nonzero(np.isin(grid, colours))
    return int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1


def inside(grid: Grid, at: Box) -> Grid:
    """A view of the cells within a box."""
    top, left, bottom, right = at
    return grid[top:bottom, left:right]


def solid(grid: Grid) -> bool:
    """Whether every colour fills its bounding box."""
    return all(bool((inside(grid, box(grid, c)) == c).all()) for c in present(grid))


def shrunk(at: Box) -> Box:
    """The box without its border."""
    return at[0] + 1, at[1] + 1, at[2] - 1, at[3] - 1


def grown(at: Box) -> Box:
    """The box with one more cell on every side."""
    return at[0] - 1, at[1] - 1, at[2] + 1, at[3] + 1


def within(at: Box, grid: Grid) -> bool:
    """Whether a box lies in a grid and is not empty."""
    top, left, bottom, right = at
    return 0 <= top < bottom <= grid.shape[0] and 0 <= left < right <= grid.shape[1]


def changed_colours(x: Grid, fx: Grid) -> tuple[set[int], set[int]]:
    """Colours of the cells that differ: before and after."""
    differ = x != fx
    return set(map(int, x[differ])), set(map(int, fx[differ]))
