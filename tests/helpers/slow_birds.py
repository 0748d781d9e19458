"""Birds one by one, step by step, as the source describes them: the truth of the tests."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple


class SlowBird(NamedTuple):
    """Head and velocity."""

    i: int
    j: int
    vi: int
    vj: int

    def cells(self):
        return [(self.i, self.j), (self.i - self.vi, self.j), (self.i, self.j - self.vj)]

    def inside(self, height, width):
        return all(0 <= i < height and 0 <= j < width for i, j in self.cells())


def step(bird, height, width):
    """The bird one step later, and how many walls it met."""
    i, j, vi, vj = bird
    walls = 0
    if (i == 0 and vi == -1) or (i == height - 1 and vi == 1):
        vi, walls = -vi, walls + 1
    if (j == 0 and vj == -1) or (j == width - 1 and vj == 1):
        vj, walls = -vj, walls + 1
    return SlowBird(i + vi, j + vj, vi, vj), walls


def fly(bird, steps, height, width):
    """The bird so many steps later, and how many walls it met."""
    total = 0
    for _ in range(steps):
        bird, walls = step(bird, height, width)
        total += walls
    return bird, total


@cache
def every_bird(height, width):
    """All states whose arms are inside."""
    found = []
    for i in range(height):
        for j in range(width):
            for vi in (-1, 1):
                for vj in (-1, 1):
                    bird = SlowBird(i, j, vi, vj)
                    if bird.inside(height, width):
                        found.append(bird)
    return found


def painted(birds, height, width):
    """A frame, rows of cells, of birds by colour, the later over the earlier."""
    frame = [[0] * width for _ in range(height)]
    for colour in sorted(birds):
        for i, j in birds[colour].cells():
            frame[i][j] = colour
    return frame


@cache
def _cells(height, width):
    return [(bird, bird.cells()) for bird in every_bird(height, width)]


def seen(frame):
    """By colour, the birds that could be seen so in a frame: every one is tried."""
    height, width = len(frame), len(frame[0])
    cells = {}
    for i, row in enumerate(frame):
        for j, value in enumerate(row):
            cells.setdefault(value, []).append((i, j))
    return {
        colour: [
            bird
            for bird, own in _cells(height, width)
            if all(cell in own for cell in cells[colour])
            and all(frame[i][j] >= colour for i, j in own)
        ]
        for colour in sorted(cells)
        if colour
    }
