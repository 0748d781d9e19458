"""Reading objects off grids, for the verifiers; the painters share none of this."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.uint8]
Box = tuple[int, int, int, int]
Cell = tuple[int, int]


def present(grid: Grid) -> list[int]:
    """The colours in a grid, ascending, without background."""
    return [int(c) for c in np.unique(grid) if c]


def box(grid: Grid, *colours: int) -> Box:
    """The bounding box (top, left, bottom, right; exclusive ends) of the cells of some colours."""
    seen = grid == colours[0]
    for colour in colours[1:]:
        seen |= grid == colour
    rows, columns = np.nonzero(seen)
    return int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1


def cells_of(grid: Grid, colour: int) -> list[Cell]:
    """Row and column of every cell of a colour, row by row."""
    return [(int(i), int(j)) for i, j in np.argwhere(grid == colour)]


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


def steps_from(grid: Grid, start: Cell, *through: Cell) -> dict[Cell, int]:
    """Steps from a cell to those it can be left for, from side to side over background.

    The cells of ``through`` count as background, whatever their colour.
    """
    steps, queue = {start: 0}, deque([start])
    while queue:
        i, j = queue.popleft()
        for cell in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
            inside = 0 <= cell[0] < grid.shape[0] and 0 <= cell[1] < grid.shape[1]
            if inside and cell not in steps and (not grid[cell] or cell in through):
                steps[cell] = steps[i, j] + 1
                queue.append(cell)
    return steps


def only_answer(answers: list[Grid], b: Grid, fb: Grid) -> bool:
    """Whether f(B) is what every explanation of an example, of which there is one, makes of B.

    A rule that cannot be applied leaves a grid as it is, which is no answer.
    """
    agreed = all(np.array_equal(answer, fb) for answer in answers)
    return bool(answers) and agreed and not np.array_equal(b, fb)


def count_patches(grids: NDArray[np.uint8]) -> NDArray[np.int64]:
    """int64 [...]: patches of one colour, joined by their sides, in grids [..., H, W].

    Every cell takes the least number among its neighbours of its colour until nothing changes;
    then each patch has one cell that kept its own.
    """
    height, width = grids.shape[-2:]
    own = np.broadcast_to(np.arange(height * width).reshape(height, width), grids.shape)
    number = own.copy()
    while True:
        before = number.copy()
        for axis in (-2, -1):
            cells, numbers = np.moveaxis(grids, axis, -1), np.moveaxis(number, axis, -1)
            same = cells[..., 1:] == cells[..., :-1]
            left, right = numbers[..., :-1], numbers[..., 1:]
            least = np.minimum(left, right)
            np.minimum(left, least, out=left, where=same)
            np.minimum(right, least, out=right, where=same)
        if np.array_equal(before, number):
            break
    return np.asarray(((number == own) & (grids > 0)).sum(axis=(-2, -1)))


def counts(quizzes: NDArray[np.uint8], colours: int) -> dict[str, NDArray[np.int64]]:
    """int64 [B] by name, of quizzes uint8 [B, 4, H, W] in colours 1 .. ``colours``.

    objects: patches of one colour in all four grids. colours: different ones, without the
    background. changed_cells: those that differ between X and f(X), in both pairs.
    """
    shown = [(quizzes == c).any(axis=(1, 2, 3)) for c in range(1, colours + 1)]
    return {
        "objects": count_patches(quizzes).sum(axis=1),
        "colours": np.sum(shown, axis=0).astype(np.int64),
        "changed_cells": (quizzes[:, ::2] != quizzes[:, 1::2]).sum(axis=(1, 2, 3)),
    }
