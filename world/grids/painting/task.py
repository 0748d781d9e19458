"""What a quiz task is: how it paints pairs of grids, and an independent check of its rule.

The generator works on whole batches with masks; the verifier reads one quiz at a time from the
grids alone, so that a mistake in the one is not repeated in the other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world.core.registry import Registry
from world.grids.painting.rectangles import Plane, Rectangles
from world.grids.painting.scenes import Scenes

Grid = NDArray[np.uint8]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Canvas:
    """n grids being painted, with the object that painted each cell.

    cells: uint8 [n, G], 0 is background. regions: int8 [n, G], 0 for background, k + 1 for
    a cell painted by rectangle k.
    """

    def __init__(self, count: int, cells: int) -> None:
        self.cells = np.zeros((count, cells), dtype=np.uint8)
        self.regions = np.zeros((count, cells), dtype=np.int8)

    def paint(self, mask: NDArray[np.bool_], colour: NDArray[np.uint8], rectangle: int) -> None:
        """Paint ``mask`` [n, G] with ``colour`` [n], as part of a rectangle."""
        _blend(self.cells, mask, colour[:, None])
        _blend(self.regions, mask, np.int8(rectangle + 1))


@dataclass(frozen=True)
class Pair:
    """X and f(X) of n quizzes, being painted."""

    x: Canvas
    fx: Canvas

    @classmethod
    def blank(cls, count: int, cells: int) -> Pair:
        """Two empty grids for each of so many quizzes."""
        return cls(Canvas(count, cells), Canvas(count, cells))


@dataclass(frozen=True)
class Scene:
    """What n quizzes show, and by which rule.

    plane: the extent of a grid. rects: int16 [n, R, 4]. colours: uint8 [n, m], the same in both
    pairs of a quiz. parameter: int64 [n], of the rule.
    """

    plane: Plane
    rects: Rectangles
    colours: Grid
    parameter: Indices


def _blend(values: NDArray[Any], mask: Mask, new: Any) -> None:
    """Set ``values`` (one byte each) to ``new`` within ``mask``: np.where in place, 3x as fast."""
    bits = np.negative(mask.view(values.dtype))  # 0 or all ones
    np.bitwise_and(bits, values ^ new, out=bits)
    np.bitwise_xor(values, bits, out=values)


class Task(ABC):
    """A family of rules; a rule is a task with its parameter and its colours.

    The same colours stand for the same roles in both pairs of a quiz, so the colour of a
    rectangle in B tells what the rule does to it.
    """

    parameters: int = 1
    """How many values the rule's parameter can take."""
    equal_parameters: bool = False
    """Whether all of these are equally likely; if not, all quizzes of the task are."""
    reversible: bool = True
    """Whether X follows from f(X); if not, ``undone`` knows every X."""
    keeps_to_scene: bool = False
    """Whether no grid shows a rectangle of one colour that leaves no room for the others of its
    scene. Only worlds of such tasks have an exam of rectangles that they never show."""

    @abstractmethod
    def colours(self, rectangles: int) -> int:
        """Colours one quiz needs."""

    def against(self, plane: Plane) -> str | None:
        """What the task needs that grids of this extent do not have; None where they will do."""
        return None

    def scenes(self, plane: Plane, rectangles: int) -> Scenes:
        """What its grids show in a world of so many rectangles: by default just these."""
        return Scenes(plane, rectangles)

    def valid(self, plane: Plane, rects: Rectangles, parameter: Indices) -> NDArray[np.bool_]:
        """bool [n]: scenes [n, R, 4] to which the rule applies with one right answer."""
        return np.ones(len(rects), dtype=np.bool_)

    @abstractmethod
    def paint(self, pair: Pair, scene: Scene) -> None:
        """Paint X and f(X) of every quiz from its scene.

        By convention the colour of each rectangle is the one at its place. Where a rule acts on
        one of them, it is the last, but in `replace_color`.
        """

    @abstractmethod
    def verify(self, a: Grid, fa: Grid, b: Grid, fb: Grid) -> bool:
        """Whether f(B) is what the rule seen in (A, f(A)) makes of B; grids are [H, W].

        A relation: it judges f(B) given B and B given f(B) alike. Of a task that is not reversible
        it accepts every B that could have been drawn.
        """

    def undone(self, a: Grid, fa: Grid, fb: Grid) -> list[Grid]:
        """Every B that the rule seen in (A, f(A)) makes f(B) of, for tasks not reversible."""
        raise NotImplementedError(f"{type(self).__name__} is reversible")


tasks: Registry[type[Task]] = Registry("task", "world.grids.tasks")
