"""Birds one by one, step by step, as the source describes them: the truth that tests compare with."""

from __future__ import annotations

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


def seen(frame):
    """By colour, the birds that could be seen so in a frame: every one is tried."""
    height, width = len(frame), len(frame[0])
    found = {}
    for colour in sorted({value for row in frame for value in row} - {0}):
        visible = {
            (i, j) for i in range(height) for j in range(width) if frame[i][j] == colour
        }
        found[colour] = [
            bird
            for bird in every_bird(height, width)
            if visible <= set(bird.cells())
            and all(frame[i][j] >= colour for i, j in bird.cells())
        ]
    return found
