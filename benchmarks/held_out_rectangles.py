"""Grids of which rectangles are held out, and not pairs alone: a world to train agents in.

A tenth of all rectangles is in no training quiz. Quizzes of the test split act on such a one: on
all that change where a rule acts on all (`corners`), on one at least in `contact` and `detect`. The
sae split has another tenth. Only the splits of drawn quizzes follow this; those of culture do not.

Run: culture-sim train-agents --plugin benchmarks.held_out_rectangles --world held_out_rectangles
     --world.height 7 --world.width 7 --agents 2 --run rectangles
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from world import worlds
from world.grids.painting.material import Material, Pool
from world.grids.painting.painter import Painter
from world.grids.painting.rectangles import Plane, Rectangles
from world.grids.painting.task import tasks
from world.grids.world import GridsWorld

ALL, ANY = ("corners",), ("contact", "detect")
"""Tasks whose rule acts on every rectangle, and on some of them; others act on the last."""
NEITHER = 3
"""In place of a split: scenes that show a held-out rectangle elsewhere."""


def rectangle_splits(plane: Plane, rectangles: Rectangles) -> NDArray[np.uint8]:
    """uint8 of any shape [...]: the split of each rectangle [..., 4]."""
    every = plane.listed(1)[:, 0]
    tenth, order = len(every) // 10, np.random.default_rng(5).permutation(len(every))
    table = np.zeros((max(plane.height, plane.width) + 1,) * 4, dtype=np.uint8)
    for split in (1, 2):
        table[tuple(every[order[(split - 1) * tenth : split * tenth]].T)] = split
    return np.asarray(table[tuple(np.moveaxis(rectangles, -1, 0))])


@dataclass(frozen=True, eq=False)
class HeldOutMaterial(Material):
    """The pairs of a task, listed, by what is held out of their rectangles."""

    name: str

    @cached_property
    def pools(self) -> list[Pool] | None:
        listed = super().pools
        assert listed is not None, "too many pairs to list; make the grids smaller"
        return [replace(pool, split=self._splits(pool.scenes)) for pool in listed]

    def _splits(self, scenes: Rectangles) -> NDArray[np.uint8]:
        of = rectangle_splits(self.plane, scenes)
        split = np.where((of == 0).all(axis=1), 0, NEITHER).astype(np.uint8)
        acted = of if self.name in (*ALL, *ANY) else of[:, -1:]
        for held in (1, 2):
            found = (acted == held).any(axis=1) if self.name in ANY else (acted == held).all(axis=1)
            split[found] = held
        return split


@dataclass(frozen=True)
class HeldOutPainter(Painter):
    """Paints quizzes of such pairs."""

    @cached_property
    def material(self) -> dict[str, Material]:
        return {
            name: HeldOutMaterial(tasks[name](), self.plane, self.rectangles, name)
            for name in self.tasks
        }


@worlds.register("held_out_rectangles")
@dataclass(frozen=True)
class HeldOutRectangles(GridsWorld):
    """Grids of which a tenth of the rectangles is in no training quiz."""

    name: ClassVar[str] = "held_out_rectangles"

    @cached_property
    def painter(self) -> HeldOutPainter:
        return HeldOutPainter(self.plane, self.rectangles, self.colours, self.tasks)
