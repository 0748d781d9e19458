"""symbols: a mark on a block points at another block, whose colour the middle of the first takes.

The source's rule. There a mark may point at two blocks alike; here it points at one alone, so that
the answer follows. The four blocks are of three by three cells, whatever a world's rectangles are.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations

import numpy as np

from world.grids.painting.objects import Box, box, inside, present
from world.grids.painting.rectangles import MIN_SIDE, Plane, Rectangles
from world.grids.painting.scenes import Scenes
from world.grids.painting.task import Grid, Indices, Pair, Scene, Task, tasks

BLOCKS = 4
NEAR = 3
"""Top left cells of two blocks are more than so many rows or columns apart."""
LEAST_SIDE = MIN_SIDE + NEAR + 1
"""Of a grid with room for two blocks beside each other."""
MOST_PLACES = 81
"""Places of a block in a grid; in larger grids there are too many scenes to list."""


@tasks.register("symbols")
class Symbols(Task):
    """A scene's boxes are the block that bears the mark, the three others, and the two by two
    cells at a corner of the first that the mark takes, without its middle: the corner points."""

    keeps_to_scene = True

    def colours(self, rectangles: int) -> int:
        return BLOCKS + 1

    def against(self, plane: Plane) -> str | None:
        if min(plane.height, plane.width) < LEAST_SIDE:
            return f"at least {LEAST_SIDE}x{LEAST_SIDE} cells for its four blocks"
        if _places(plane) > MOST_PLACES:
            return f"at most {MOST_PLACES} places for a block, as grids of 11x11 cells have"
        return None

    def scenes(self, plane: Plane, rectangles: int) -> Scenes:
        return Scenes(plane, 0, _scenes(plane))

    def paint(self, pair: Pair, scene: Scene) -> None:
        plane, boxes, colours = scene.plane, scene.rects, scene.colours
        middle = plane.inner(boxes[:, 0])
        for canvas in (pair.x, pair.fx):
            for k in range(BLOCKS):
                canvas.paint(plane.full(boxes[:, k]), colours[:, k], k)
            canvas.paint(plane.full(boxes[:, BLOCKS]) & ~middle, colours[:, BLOCKS], BLOCKS)
        corners = boxes[:, :BLOCKS, :2].astype(np.int64)
        # The mark's box begins where its block does, or a cell further on.
        pointing = 2 * (boxes[:, BLOCKS, :2] - boxes[:, 0, :2]) - 1
        meant = (_sides(corners)[:, 1:] == pointing[:, None]).all(axis=2).argmax(axis=1) + 1
        pair.fx.paint(middle, colours[np.arange(len(boxes)), meant], 0)

    def verify(self, a: Grid, fa: Grid, b: Grid, fb: Grid) -> bool:
        changed = a[a != fa]
        if len(changed) != 1 or present(a) != present(b):
            return False
        example, answer = _answer(a, int(changed[0])), _answer(b, int(changed[0]))
        if example is None or answer is None or example[1] != answer[1]:
            return False
        return np.array_equal(example[0], fa) and np.array_equal(answer[0], fb)


def _places(plane: Plane) -> int:
    return (plane.height - MIN_SIDE + 1) * (plane.width - MIN_SIDE + 1)


def _sides(corners: Indices) -> Indices:
    """int64 [n, 4, 2] of corners [n, 4, 2]: on which side of the mean of the four each is, in rows
    and in columns: -1, 0 on it, or 1."""
    return np.sign(BLOCKS * corners - corners.sum(axis=1, keepdims=True))


@cache
def _scenes(plane: Plane) -> Rectangles:
    """int16 [n, 5, 4]: every choice of four blocks, the one marked, and the one it points at."""
    if min(plane.height, plane.width) < MIN_SIDE or _places(plane) > MOST_PLACES:
        return np.zeros((0, BLOCKS + 1, 4), dtype=np.int16)
    corners = _corners(plane)
    sides = _sides(corners)[:, 1:]
    alike = (sides[:, :, None] == sides[:, None]).all(axis=3).sum(axis=2)
    row, meant = np.nonzero((sides != 0).all(axis=2) & (alike == 1))
    blocks = np.concatenate([corners[row], corners[row] + MIN_SIDE], axis=2)
    start = corners[row, 0] + (sides[row, meant] > 0)
    mark = np.concatenate([start, start + 2], axis=1)
    return np.concatenate([blocks, mark[:, None]], axis=1).astype(np.int16)


def _corners(plane: Plane) -> Indices:
    """int64 [n, 4, 2]: row and column of the top left cells of every four blocks far enough from
    each other, each of the four in turn as the first."""
    at = np.stack(np.divmod(np.arange(_places(plane)), plane.width - MIN_SIDE + 1), axis=1)
    far = np.abs(at[:, None] - at).max(axis=2) > NEAR
    sets = np.arange(len(at))[:, None]
    for _ in range(BLOCKS - 1):
        clear = far[sets].all(axis=1) & (np.arange(len(at)) > sets[:, -1:])
        each, another = np.nonzero(clear)
        sets = np.concatenate([sets[each], another[:, None]], axis=1)
    orders = [[k, *(j for j in range(BLOCKS) if j != k)] for k in range(BLOCKS)]
    return at[np.concatenate([sets[:, order] for order in orders])]


def _answer(grid: Grid, base: int) -> tuple[Grid, int] | None:
    """What the rule makes of a grid whose block in colour ``base`` bears a mark, and the mark's
    colour; None where it shows something else."""
    boxes = {colour: box(grid, colour) for colour in present(grid)}
    if len(boxes) != BLOCKS + 1 or base not in boxes:
        return None
    mine = boxes[base]
    marks = [c for c, at in boxes.items() if c != base and _within(at, mine)]
    if len(marks) != 1:
        return None
    mark = boxes.pop(marks[0])
    if not np.array_equal(_picture(grid, boxes, base, marks[0], mark), grid):
        return None
    row, column = (sum(at[axis] for at in boxes.values()) / BLOCKS for axis in (0, 1))
    down, right = mark[0] > mine[0], mark[1] > mine[1]
    meant = [
        colour
        for colour, at in boxes.items()
        if colour != base
        and (at[0] > row if down else at[0] < row)
        and (at[1] > column if right else at[1] < column)
    ]
    if len(meant) != 1 or any(_near(*pair) for pair in combinations(boxes.values(), 2)):
        return None
    answer = grid.copy()
    answer[mine[0] + 1, mine[1] + 1] = meant[0]
    return answer, marks[0]


def _picture(grid: Grid, boxes: dict[int, Box], base: int, colour: int, mark: Box) -> Grid:
    """A grid of blocks at these boxes, and of a mark of a colour on the block ``base``; empty where
    the boxes are not of their sizes."""
    sizes = [(at[2] - at[0], at[3] - at[1]) for at in (*boxes.values(), mark)]
    picture = np.zeros_like(grid)
    if sizes != [(MIN_SIDE, MIN_SIDE)] * BLOCKS + [(2, 2)]:
        return picture
    for block, at in boxes.items():
        inside(picture, at)[...] = block
    inside(picture, mark)[...] = colour
    top, left, _, _ = boxes[base]
    picture[top + 1, left + 1] = base
    return picture


def _within(one: Box, other: Box) -> bool:
    return all(one[k] >= other[k] and one[k + 2] <= other[k + 2] for k in (0, 1))


def _near(one: Box, other: Box) -> bool:
    return max(abs(one[0] - other[0]), abs(one[1] - other[1])) <= NEAR
