"""Painting quizzes of tasks, in batches: scenes are drawn, and each task paints its own.

All quizzes of a task and split are as likely as each other, whatever their rule's parameter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from world.core.sampling import too_small
from world.grids.painting.material import Material
from world.grids.painting.rectangles import Plane
from world.grids.painting.task import Pair, Scene, tasks


@dataclass(frozen=True)
class Painter:
    """Paints pairs of grids of G cells, with R rectangles in each and colours 1 .. ``colours``."""

    plane: Plane
    rectangles: int
    colours: int
    tasks: tuple[str, ...]

    @cached_property
    def material(self) -> dict[str, Material]:
        """By task: the pairs that it can make on these grids."""
        return {name: Material(tasks[name](), self.plane, self.rectangles) for name in self.tasks}

    def paint_each(
        self, rng: np.random.Generator, chosen: NDArray[np.int64], split: int | None
    ) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
        """Grids uint8 and regions int8, both [B, 4, G], of the tasks int64 [B] chosen."""
        grids = np.zeros((len(chosen), 4, self.plane.height * self.plane.width), dtype=np.uint8)
        regions = np.zeros_like(grids, dtype=np.int8)
        for index, name in enumerate(self.tasks):
            rows = np.flatnonzero(chosen == index)
            if len(rows):
                grids[rows], regions[rows] = self.paint(rng, name, len(rows), split)
        return grids, regions

    def paint(
        self, rng: np.random.Generator, name: str, count: int, split: int | None
    ) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
        """Grids uint8 and regions int8, both [count, 4, G], of one task.

        split: index of that of both pairs; None: any. Raises UserError where it has too few pairs.
        """
        task, material = tasks[name](), self.material[name]
        odds = material.odds(split)
        if not odds.any():
            raise too_small(f"few different pairs of task {name!r} to have some in each split")
        palette = np.tile(np.arange(1, self.colours + 1, dtype=np.uint8), (count, 1))
        colours = rng.permuted(palette, axis=1)[:, : task.colours(self.rectangles)]
        parameter = rng.choice(task.parameters, size=count, p=odds)
        cells, canvases = self.plane.height * self.plane.width, []
        for scenes in material.draw(rng, parameter, split):
            pair = Pair.blank(count, cells)
            task.paint(pair, Scene(self.plane, scenes, colours, parameter))
            canvases += [pair.x, pair.fx]
        return (
            np.stack([c.cells for c in canvases], axis=1),
            np.stack([c.regions for c in canvases], axis=1),
        )
