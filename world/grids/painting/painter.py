"""Painting quizzes of a task, in batches: which scenes its rules can act on, and what they do.

All quizzes of a task are as likely as each other, whatever their rule's parameter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from world.grids.painting.rectangles import Plane, Rectangles
from world.grids.painting.scenes import Scenes
from world.grids.painting.task import Pair, Scene, tasks

LISTED_SETS = 100_000
"""Where there are at most this many scenes, those that a rule can act on are listed."""
SAMPLED_SETS = 4096
"""Where there are more, the share that a rule can act on is found from this many."""


@dataclass(frozen=True)
class Painter:
    """Paints pairs of grids of G cells, with R rectangles in each and colours 1 .. ``colours``."""

    plane: Plane
    rectangles: int
    colours: int
    tasks: tuple[str, ...]

    def paint_each(
        self, rng: np.random.Generator, chosen: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
        """Grids uint8 and regions int8, both [B, 4, G], of the tasks int64 [B] chosen."""
        grids = np.zeros((len(chosen), 4, self.plane.height * self.plane.width), dtype=np.uint8)
        regions = np.zeros_like(grids, dtype=np.int8)
        for index, name in enumerate(self.tasks):
            rows = np.flatnonzero(chosen == index)
            if len(rows):
                grids[rows], regions[rows] = self.paint(rng, name, len(rows))
        return grids, regions

    def paint(
        self, rng: np.random.Generator, name: str, count: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
        """Grids uint8 and regions int8, both [count, 4, G], of one task."""
        task = tasks[name]()
        needed = task.colours(self.rectangles)
        palette = np.tile(np.arange(1, self.colours + 1, dtype=np.uint8), (count, 1))
        colours = rng.permuted(palette, axis=1)[:, :needed]
        parameter = rng.choice(task.parameters, size=count, p=self.odds[name])
        cells, canvases = self.plane.height * self.plane.width, []
        for rects in self._pair(rng, name, parameter):
            pair = Pair.blank(count, cells)
            task.paint(pair, Scene(self.plane, rects, colours, parameter))
            canvases += [pair.x, pair.fx]
        return (
            np.stack([c.cells for c in canvases], axis=1),
            np.stack([c.regions for c in canvases], axis=1),
        )

    @cached_property
    def _scenes(self) -> dict[str, Scenes]:
        """By task: the scenes that its grids can show."""
        return {name: tasks[name]().scenes(self.plane, self.rectangles) for name in self.tasks}

    @cached_property
    def _listed(self) -> dict[str, Rectangles | None]:
        """By task: every scene, if they are few."""
        return {name: scenes.listed(LISTED_SETS) for name, scenes in self._scenes.items()}

    @cached_property
    def _valid(self) -> dict[tuple[str, int], NDArray[np.int64]]:
        """By task and parameter: which of the listed sets (or of a sample) the rule can act on."""
        valid = {}
        for name, sets in self._listed.items():
            if sets is None:
                sets = self._scenes[name].sample(np.random.default_rng(0), SAMPLED_SETS)
            for value in range(tasks[name].parameters):
                good = tasks[name]().valid(self.plane, sets, np.full(len(sets), value))
                valid[name, value] = np.flatnonzero(good)
        return valid

    @cached_property
    def odds(self) -> dict[str, NDArray[np.float64]]:
        """By task: the chance of each parameter, so that all quizzes of the task are as likely.

        A parameter with k scenes has k (k - 1) quizzes with A and B different. With
        equal chances instead, the diagonal moves of `translate`, which leave a 6x6 grid a choice
        of two, would be half of its quizzes and nearly all the same. 0 for all: no quiz at all.
        """
        odds = {}
        for name in self.tasks:
            sets = [len(self._valid[name, value]) for value in range(tasks[name].parameters)]
            weights = np.array([k * (k - 1.0) for k in sets])
            odds[name] = weights / max(weights.sum(), 1.0)
        return odds

    def _pair(
        self, rng: np.random.Generator, name: str, parameter: NDArray[np.int64]
    ) -> tuple[Rectangles, Rectangles]:
        """Two different scenes [n, R, 4] for each parameter, bearing the rule."""
        listed = self._listed[name]
        if listed is None:
            first, second = (self._drawn(rng, name, parameter) for _ in range(2))
            while (same := np.flatnonzero((first == second).all(axis=(1, 2)))).size:
                second[same] = self._drawn(rng, name, parameter[same])
            return first, second
        chosen = np.zeros((2, len(parameter)), dtype=np.int64)
        for value in np.flatnonzero(self.odds[name]).tolist():
            rows, valid = np.flatnonzero(parameter == value), self._valid[name, value]
            one = rng.integers(len(valid), size=len(rows))
            other = rng.integers(len(valid) - 1, size=len(rows))
            chosen[:, rows] = valid[one], valid[other + (other >= one)]
        return listed[chosen[0]], listed[chosen[1]]

    def _drawn(
        self, rng: np.random.Generator, name: str, parameter: NDArray[np.int64]
    ) -> Rectangles:
        """int16 [n, R, 4]: a scene for each parameter, by drawing until it bears the rule."""
        task, scenes = tasks[name](), self._scenes[name]
        rects = scenes.sample(rng, len(parameter))
        todo = np.flatnonzero(~task.valid(self.plane, rects, parameter))
        while len(todo):
            rects[todo] = scenes.sample(rng, len(todo))
            todo = todo[~task.valid(self.plane, rects[todo], parameter[todo])]
        return rects
