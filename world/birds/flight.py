"""What can fly in a grid: every state of a bird, and which state leads to which.

A bird is three cells: a head, and an arm on each side behind it. It flies along the diagonal that
its head points at, one cell a step, and turns back at a wall: as F. Fleuret's first world of 2024.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import lcm

import numpy as np
from numpy.typing import NDArray

CELLS = 3
"""Cells of a bird: its head, the arm in its column, the arm in its row."""


@dataclass(frozen=True)
class Sky:
    """A grid of G = height * width cells in which a bird has S states."""

    height: int
    width: int

    @property
    def cell_count(self) -> int:
        """G."""
        return self.height * self.width

    @property
    def period(self) -> int:
        """Steps after which every bird is back in its state."""
        return lcm(2 * (self.height - 1), 2 * (self.width - 1))

    @cached_property
    def states(self) -> NDArray[np.int64]:
        """int64 [S, 4]: row and column of the head, and its steps in each, 1 or -1.

        Those whose arms are inside the grid, so that a bird at a wall heads out of it.
        """
        sizes = (self.height, self.width, 2, 2)
        row, column, *turns = np.indices(sizes).reshape(4, -1)
        down, right = (2 * turn - 1 for turn in turns)
        behind = row - down, column - right
        inside = (behind[0] >= 0) & (behind[0] < self.height)
        inside &= (behind[1] >= 0) & (behind[1] < self.width)
        return np.stack([row, column, down, right], axis=1)[inside]

    @cached_property
    def number(self) -> NDArray[np.int64]:
        """int64 [H, W, 2, 2]: the number of the state with a head there and a heading (0 for a
        step of -1, 1 for 1); -1 where there is none."""
        numbers = np.full((self.height, self.width, 2, 2), -1)
        row, column, down, right = self.states.T
        numbers[row, column, (down + 1) // 2, (right + 1) // 2] = np.arange(len(self.states))
        return numbers

    @cached_property
    def heading(self) -> NDArray[np.int64]:
        """int64 [S]: 0 up left, 1 up right, 2 down left, 3 down right."""
        down, right = (self.states[:, 2:].T + 1) // 2
        return np.asarray(2 * down + right)

    @cached_property
    def cells(self) -> NDArray[np.int64]:
        """int64 [S, 3]: the cells of each state, counted row by row: the head, the arm above or
        below it, the arm beside it."""
        row, column, down, right = self.states.T
        rows = np.stack([row, row - down, row], axis=1)
        columns = np.stack([column, column, column - right], axis=1)
        return rows * self.width + columns

    @cached_property
    def covers(self) -> NDArray[np.float32]:
        """float32 [S, G]: 1 where a state has a cell."""
        covers = np.zeros((len(self.states), self.cell_count), dtype=np.float32)
        np.put_along_axis(covers, self.cells, 1.0, axis=1)
        return covers

    @cached_property
    def _step(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """int64 [S] both: the state after one step, and the walls met in it, 0 to 2."""
        at, turn = self.states[:, :2], self.states[:, 2:]
        meets = (at + turn < 0) | (at + turn >= [self.height, self.width])
        turned = np.where(meets, -turn, turn)
        row, column = (at + turned).T
        down, right = ((turned + 1) // 2).T
        return self.number[row, column, down, right], meets.sum(axis=1)

    def after(self, steps: int) -> NDArray[np.int64]:
        """int64 [S]: the state that each leads to; a negative number of steps is undone."""
        once = self._step[0] if steps >= 0 else np.argsort(self._step[0])
        reached = np.arange(len(self.states))
        for _ in range(abs(steps) % self.period):
            reached = once[reached]
        return reached

    def walls(self, steps: int) -> NDArray[np.int64]:
        """int64 [S]: walls that a bird meets in so many steps from each state."""
        once, walls = self._step
        met, reached = np.zeros(len(self.states), dtype=np.int64), np.arange(len(self.states))
        for _ in range(steps):
            met += walls[reached]
            reached = once[reached]
        return met

    @cached_property
    def reflected(self) -> NDArray[np.int64]:
        """int64 [4, G]: where each cell comes to lie when the grid is left as it is, turned upside
        down, mirrored, or both: what birds do is the same in all."""
        cells = np.arange(self.cell_count).reshape(self.height, self.width)
        views = (cells, cells[::-1], cells[:, ::-1], cells[::-1, ::-1])
        return np.stack([view.ravel() for view in views])

    def paint(
        self,
        states: NDArray[np.int64],
        colours: NDArray[np.integer],
        dtype: np.dtype[np.unsignedinteger],
    ) -> NDArray[np.unsignedinteger]:
        """[n, G]: frames of birds [n, k] in colours [n, k], the later over the earlier; a state of
        -1 is no bird."""
        frames = np.zeros((len(states), self.cell_count), dtype=dtype)
        for bird in range(states.shape[1]):
            rows = np.flatnonzero(states[:, bird] >= 0)
            frames[rows[:, None], self.cells[states[rows, bird]]] = colours[rows, bird, None]
        return frames


@lru_cache(maxsize=32)
def apart(sky: Sky, speed: int) -> NDArray[np.bool_]:
    """bool [S, S]: two states that share no cell, neither now nor ``speed`` steps later."""
    now, later = sky.covers, sky.covers[sky.after(speed)]
    return np.asarray((now @ now.T == 0) & (later @ later.T == 0))
