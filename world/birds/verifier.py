"""What a frame shows and where it leads, worked out for one frame at a time.

It shares nothing with what draws quizzes: birds are sought cell by cell, and move by a formula. A
bird between two walls is where a point on a circle of twice the way is, seen from the side: so many
steps add to its place on two circles, one for its row and one for its column.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from itertools import islice, product
from typing import NamedTuple

Frame = tuple[tuple[int, ...], ...]
"""Rows of cells; 0 is the background."""
Cell = tuple[int, int]
MOST_READINGS = 1000
"""Ways to read a frame that are followed; a frame of few birds has fewer."""


class Bird(NamedTuple):
    """Row and column of a head, and its steps in each, 1 or -1."""

    row: int
    column: int
    down: int
    right: int

    @property
    def cells(self) -> frozenset[Cell]:
        """The head, the arm above or below it, and the arm beside it."""
        row, column = self.row, self.column
        return frozenset([(row, column), (row - self.down, column), (row, column - self.right)])


class Verdict(StrEnum):
    """What two frames are."""

    RIGHT = "one frame leads to the other, and each alone tells it"
    AMBIGUOUS = "one frame leads to the other, and may lead elsewhere"
    WRONG = "both show birds, which do not fly so"
    NO_BIRDS = "a frame is empty, or shows what is no bird"


def as_frame(cells: list[list[int]]) -> Frame:
    """A frame of rows of numbers."""
    return tuple(map(tuple, cells))


def birds_in(frame: Frame) -> dict[int, list[Bird]] | None:
    """By colour, in ascending order, the states that its bird may be in: several where later
    birds hide some of it. None where a frame shows none, or something else."""
    seen: dict[int, set[Cell]] = {}
    for row, values in enumerate(frame):
        for column, value in enumerate(values):
            if value:
                seen.setdefault(value, set()).add((row, column))
    found = {colour: list(_birds(frame, colour, seen[colour])) for colour in sorted(seen)}
    return found if found and all(found.values()) else None


def _birds(frame: Frame, colour: int, cells: set[Cell]) -> Iterator[Bird]:
    """The birds that show just these cells of their colour."""
    around, one = (-1, 0, 1), min(cells)
    for row, column, down, right in product(around, around, (-1, 1), (-1, 1)):
        bird = Bird(one[0] + row, one[1] + column, down, right)
        if cells <= bird.cells and all(_value(frame, cell) > colour for cell in bird.cells - cells):
            yield bird


def _value(frame: Frame, cell: Cell) -> int:
    """The value of a cell, -1 outside the frame."""
    row, column = cell
    if 0 <= row < len(frame) and 0 <= column < len(frame[0]):
        return frame[row][column]
    return -1


def moved(bird: Bird, steps: int, height: int, width: int) -> Bird:
    """Where a bird is after so many steps; before them for a negative number."""
    row, down = _on_circle(bird.row, bird.down, steps, height)
    column, right = _on_circle(bird.column, bird.right, steps, width)
    return Bird(row, column, down, right)


def _on_circle(at: int, step: int, steps: int, size: int) -> tuple[int, int]:
    """Place and step after so many steps between two walls, in one direction."""
    far = size - 1  # the way from wall to wall; the circle is twice as long
    place = ((at if step > 0 else -at) + steps) % (2 * far)
    return (place, 1) if 0 < place <= far else ((2 * far - place) % (2 * far), -1)


def answers(frame: Frame, steps: int) -> list[Frame]:
    """The different frames that one may lead to, ``MOST_READINGS`` readings at most; none where
    it shows no birds. Birds that are wholly hidden are not thought of."""
    found = birds_in(frame)
    if found is None:
        return []
    height, width = len(frame), len(frame[0])
    readings = islice(product(*found.values()), MOST_READINGS)
    led = ([moved(bird, steps, height, width) for bird in birds] for birds in readings)
    return list(dict.fromkeys(_painted(list(found), birds, height, width) for birds in led))


def _painted(colours: list[int], birds: list[Bird], height: int, width: int) -> Frame:
    """A frame of birds, the later over the earlier."""
    cells = [[0] * width for _ in range(height)]
    for colour, bird in zip(colours, birds, strict=True):
        for row, column in bird.cells:
            cells[row][column] = colour
    return as_frame(cells)


def judge(first: Frame, last: Frame, speed: int) -> Verdict:
    """What two frames are, the last so many steps after the first."""
    forward, backward = answers(first, speed), answers(last, -speed)
    if not forward or not backward:
        return Verdict.NO_BIRDS
    if forward == [last] and backward == [first]:
        return Verdict.RIGHT
    return Verdict.AMBIGUOUS if last in forward or first in backward else Verdict.WRONG


def overlap(frame: Frame) -> bool:
    """Whether some bird of a frame, which shows birds, is hidden in part."""
    return any(
        sum(row.count(colour) for row in frame) < len(birds[0].cells)
        for colour, birds in (birds_in(frame) or {}).items()
    )
