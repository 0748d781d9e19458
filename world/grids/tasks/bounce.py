"""bounce: a ball rolls on, and where its way is barred it turns, always to the same side.

What bars it is the edge, a rectangle and its own track; when its side is barred as well, it
stops. In the source single cells are in its way, X shows where it ends, and it turns to a random
side where both are free, so that f(X) need not follow from X; here the side is the rule's, and
every grid shows it. A ball that comes back to its start is left out: X would not follow from f(X).
Worlds of R rectangles have R - 1 here, at least one, for there must be room to roll.
"""

from __future__ import annotations

import numpy as np

from world.grids.painting.distances import beside
from world.grids.painting.objects import cells_of, changed_colours, only_answer, present
from world.grids.painting.rectangles import Plane, Rectangles
from world.grids.painting.scenes import Scenes, cells_in_step
from world.grids.painting.task import Grid, Indices, Mask, Pair, Scene, Task, tasks

STEPS = np.array([(-1, 0), (0, -1), (0, 1), (1, 0)])


@tasks.register("bounce")
class Bounce(Task):
    """It turns right (parameter 0) or left (1). The last two marks: where it starts, a step on."""

    parameters = 2
    keeps_to_scene = True

    def colours(self, rectangles: int) -> int:
        return max(rectangles - 1, 1) + 2

    def scenes(self, plane: Plane, rectangles: int) -> Scenes:
        return Scenes(plane, max(rectangles - 1, 1), cells_in_step(plane, STEPS, ahead=1))

    def valid(self, plane: Plane, rects: Rectangles, parameter: Indices) -> Mask:
        """Where the ball turns, its track tells to which side, and only its first step is beside
        its start."""
        walls = plane.union(rects[:, :-2])
        start = plane.full(rects[:, -2])
        good = ~np.any(walls & (start | plane.full(rects[:, -1])), axis=1)
        track, turned = _roll(plane, walls[good], rects[good], parameter[good])
        other, _ = _roll(plane, walls[good], rects[good], 1 - parameter[good])
        by_start = beside(start[good].reshape(track.shape))
        told = (track != other).any(axis=(1, 2))  # once round a grid, it is the same both ways
        good[good] = turned & told & ((track & by_start).sum(axis=(1, 2)) == 1)
        return good

    def paint(self, pair: Pair, scene: Scene) -> None:
        x, fx = pair.x, pair.fx
        plane, rects, colours, parameter = scene.plane, scene.rects, scene.colours, scene.parameter
        start = rects.shape[1] - 2
        for k in range(start + 1):
            for canvas in (x, fx):
                canvas.paint(plane.full(rects[:, k]), colours[:, k], k)
        track, _ = _roll(plane, plane.union(rects[:, :start]), rects, parameter)
        x.paint(plane.full(rects[:, -1]), colours[:, -1], start + 1)
        fx.paint(track.reshape(x.cells.shape), colours[:, -1], start + 1)

    def verify(self, a: Grid, fa: Grid, b: Grid, fb: Grid) -> bool:
        before, after = changed_colours(a, fa)
        if before != {0} or len(after) != 1:
            return False
        ball = after.pop()
        answers = [
            _rolled(b, start, ball, side)
            for start in present(a)
            for side in ("right", "left")
            if np.array_equal(_rolled(a, start, ball, side), fa)
        ]
        return only_answer(answers, b, fb)


def _roll(plane: Plane, walls: Mask, rects: Rectangles, parameter: Indices) -> tuple[Mask, Mask]:
    """The track bool [n, H, W] from the last mark on, and whether it turns, bool [n].

    Grids are framed by a row or column of wall on every side.
    """
    wide = plane.width + 2
    grids = walls.reshape(-1, plane.height, plane.width)
    barred = np.pad(grids, ((0, 0), (1, 1), (1, 1)), constant_values=True)
    barred = barred.reshape(len(grids), (plane.height + 2) * wide)
    start, at = ((rects[:, k, 0] + 1) * wide + rects[:, k, 1] + 1 for k in (-2, -1))
    down, across = (rects[:, -1, :2] - rects[:, -2, :2]).T
    side = np.where(parameter == 0, 1, -1)
    track, turned = np.zeros_like(barred), np.zeros(len(barred), dtype=np.bool_)
    rolling = np.arange(len(barred))
    barred[rolling, start] = True
    while len(rolling):
        barred[rolling, at] = track[rolling, at] = True
        turns = barred[rolling, at + down * wide + across]
        down, across = np.where(turns, side * across, down), np.where(turns, -side * down, across)
        at = at + down * wide + across
        goes = ~barred[rolling, at]
        rolling, at, down, across, side, turns = (
            of[goes] for of in (rolling, at, down, across, side, turns)
        )
        turned[rolling] |= turns
    return track.reshape(-1, plane.height + 2, wide)[:, 1:-1, 1:-1], turned


def _rolled(grid: Grid, start: int, ball: int, side: str) -> Grid:
    """The grid with the ball's track; as it is without one cell of each colour, side by side."""
    clockwise = [(-1, 0), (0, 1), (1, 0), (0, -1)]
    starts, balls = cells_of(grid, start), cells_of(grid, ball)
    if len(starts) != 1 or len(balls) != 1:
        return grid
    i, j = balls[0]
    if (step := (i - starts[0][0], j - starts[0][1])) not in clockwise:
        return grid
    heading = clockwise.index(step)
    rolled = grid.copy()
    while True:
        for turn in (0, 1 if side == "right" else 3):
            di, dj = clockwise[(heading + turn) % 4]
            row, column = i + di, j + dj
            inside = 0 <= row < grid.shape[0] and 0 <= column < grid.shape[1]
            if inside and not rolled[row, column]:
                break
        else:
            return rolled
        heading, i, j = (heading + turn) % 4, row, column
        rolled[i, j] = ball
