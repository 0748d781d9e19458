"""translate_over: one rectangle moves by one cell, over whatever is there.

This is the source's `translate`: the rectangle that moves is painted last and may hide a strip of
another, and it never comes to the last row or column. Where a whole side is hidden, B does not
follow from f(B): then every B that could have been drawn is a right answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from world.grids.painting.objects import Box, box, inside, present, solid, within
from world.grids.painting.rectangles import MIN_SIDE, Plane, Rectangles, moderate
from world.grids.painting.task import Grid, Indices, Mask, tasks
from world.grids.tasks.translate import STEPS, Translate

Move = tuple[int, int, int]
"""A colour, and by how many rows and columns its rectangle moves."""


@tasks.register("translate_over")
class TranslateOver(Translate):
    """The last rectangle moves by one of eight steps, the same in both pairs."""

    equal_parameters = True
    reversible = False
    keeps_to_scene = False

    def valid(self, plane: Plane, rects: Rectangles, parameter: Indices) -> Mask:
        moved = rects[:, -1] + STEPS[parameter]
        good = (moved[:, :2] >= 0).all(axis=1)
        good &= (moved[:, 2] < plane.height) & (moved[:, 3] < plane.width)
        return good & moderate(plane, rects)

    def verify(self, a: Grid, fa: Grid, b: Grid, fb: Grid) -> bool:
        move = _move(a, fa)
        if move is None or not _is_scene(b):
            return False
        moved = _moved(b, move)
        return moved is not None and np.array_equal(moved, fb)

    def undone(self, a: Grid, fa: Grid, fb: Grid) -> list[Grid]:
        move = _move(a, fa)
        if move is None or move[0] not in fb:
            return []
        found = {b.tobytes(): b for b in _uncovered(fb, move) if self.verify(a, fa, b, fb)}
        return list(found.values())


def _move(x: Grid, fx: Grid) -> Move | None:
    """What moves from X to f(X), if one rectangle does and nothing else changes."""
    for colour in sorted(set(present(x)) & set(present(fx))):
        before, after = box(x, colour), box(fx, colour)
        move = colour, after[0] - before[0], after[1] - before[1]
        if max(abs(move[1]), abs(move[2])) != 1:
            continue
        moved = _moved(x, move)
        if moved is not None and np.array_equal(moved, fx):
            return move
    return None


def _moved(grid: Grid, move: Move) -> Grid | None:
    """A grid with the rectangle of a colour moved; None where it has none or would leave it."""
    colour, down, right = move
    if colour not in grid:
        return None
    at = box(grid, colour)
    to = _shifted(at, down, right)
    short = to[2] < grid.shape[0] and to[3] < grid.shape[1]
    if not (inside(grid, at) == colour).all() or not within(to, grid) or not short:
        return None
    moved = np.where(grid == colour, 0, grid).astype(grid.dtype)
    inside(moved, to)[...] = colour
    return moved


def _is_scene(grid: Grid) -> bool:
    """Whether a grid shows rectangles alone, none of them thin and none above half of it."""
    boxes = [box(grid, colour) for colour in present(grid)]
    sides = [(at[2] - at[0], at[3] - at[1]) for at in boxes]
    return solid(grid) and all(
        min(size) >= MIN_SIDE and 2 * size[0] * size[1] <= grid.size for size in sides
    )


def _uncovered(fx: Grid, move: Move) -> Iterator[Grid]:
    """Grids that may have been X: the move undone, and what it may have hidden."""
    colour, down, right = move
    others = [c for c in present(fx) if c != colour]
    for boxes in product(*(_hidden_behind(fx, c, colour) for c in others)):
        x = np.zeros_like(fx)
        for other, at in zip(others, boxes, strict=True):
            inside(x, at)[...] = other
        before = _shifted(box(fx, colour), -down, -right)
        if within(before, fx):
            inside(x, before)[...] = colour
            yield x


def _hidden_behind(grid: Grid, colour: int, cover: int) -> list[Box]:
    """Boxes of a colour, up to a cell wider on each side than is seen, the rest below a cover."""
    top, left, bottom, right = box(grid, colour)
    boxes = [(top - i, left - j, bottom + k, right + m) for i, j, k, m in product((0, 1), repeat=4)]
    return [
        at for at in boxes if within(at, grid) and np.isin(inside(grid, at), (colour, cover)).all()
    ]


def _shifted(at: Box, down: int, right: int) -> Box:
    return at[0] + down, at[1] + right, at[2] + down, at[3] + right
