"""What quizzes of a task are made of: scenes that each rule can act on, and their splits.

A scene and a rule make a pair X, f(X), up to colours. The pair decides its split, and both pairs
of a quiz are of one split, so that no pair of a held-out quiz is ever part of another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from world.core.sampling import TRIES, too_small
from world.core.world import SHARES, split_by_hash
from world.grids.hashing import canonical_hash
from world.grids.painting.rectangles import MOST_TRIES, Plane, Rectangles
from world.grids.painting.task import Indices, Pair, Scene, Task

LISTED_SCENES = 100_000
"""Where there are at most this many scenes, those that a rule can act on are listed."""
LISTED_PAIRS = 150_000
"""Where these make at most so many pairs, the pairs are listed; it takes a second."""
SAMPLED_SCENES = 4096
"""Where there are more, the share that a rule can act on is found from so many."""


@dataclass(frozen=True, eq=False)
class Pool:
    """Scenes [k, R, 4] that one rule can act on, no two of which make the same pair, the hash
    uint64 [k] of that pair, and its split uint8 [k]."""

    scenes: Rectangles
    units: NDArray[np.uint64]
    split: NDArray[np.uint8]

    def of(self, split: int | None) -> Rectangles:
        """The scenes of a split; None: all."""
        return self.scenes if split is None else self.scenes[self.split == split]


@dataclass(frozen=True, eq=False)
class Material:
    """The pairs of one task on grids of G cells, with R rectangles in each."""

    task: Task
    plane: Plane
    rectangles: int

    def units(self, scenes: Rectangles, parameter: Indices) -> NDArray[np.uint64]:
        """uint64 [n]: the hash of the pair that each scene makes, up to colours."""
        count, needed = len(scenes), self.task.colours(self.rectangles)
        colours = np.tile(np.arange(1, needed + 1, dtype=np.uint8), (count, 1))
        pair = Pair.blank(count, self.plane.height * self.plane.width)
        self.task.paint(pair, Scene(self.plane, scenes, colours, parameter))
        return canonical_hash(np.stack([pair.x.cells, pair.fx.cells], axis=1), needed)

    @cached_property
    def _known(self) -> tuple[Rectangles, bool]:
        """Every scene if they are few, else a sample; and whether it is every one."""
        scenes = self.task.scenes(self.plane, self.rectangles)
        listed = scenes.listed(LISTED_SCENES)
        if listed is not None:
            return listed, True
        return scenes.typical(SAMPLED_SCENES), False

    @cached_property
    def _valid(self) -> list[Indices]:
        """By parameter: which of the known scenes the rule can act on."""
        scenes, _ = self._known
        parameters = range(self.task.parameters)
        good = (self.task.valid(self.plane, scenes, np.full(len(scenes), v)) for v in parameters)
        return [np.flatnonzero(mask) for mask in good]

    @property
    def possible(self) -> bool:
        """Whether there is a quiz at all: a rule with two scenes to act on."""
        return max(map(len, self._valid)) > 1

    @cached_property
    def pools(self) -> list[Pool] | None:
        """By parameter: every pair, where they are few; else None."""
        scenes, every = self._known
        if not every or sum(map(len, self._valid)) > LISTED_PAIRS:
            return None
        pools = []
        for value, rows in enumerate(self._valid):
            units = self.units(scenes[rows], np.full(len(rows), value))
            distinct, first = np.unique(units, return_index=True)
            pools.append(Pool(scenes[rows[first]], distinct, split_by_hash(distinct)))
        return pools

    def pairs(self) -> NDArray[np.int64] | None:
        """int64 [splits]: the different pairs in each split; None where they are too many to list.

        A pair that two parameters make, as a step and the step back do, is counted once.
        """
        if self.pools is None:
            return None
        units = np.unique(np.concatenate([pool.units for pool in self.pools]))
        return np.bincount(split_by_hash(units), minlength=len(SHARES))

    def odds(self, split: int | None) -> NDArray[np.float64]:
        """The chance of each parameter, so that all quizzes of the task are as likely.

        A parameter with k scenes has k (k - 1) quizzes with A and B different. With equal chances
        instead, the diagonal moves of `translate`, which leave a 6x6 grid a choice of two, would
        be half of its quizzes and nearly all the same. Where the task wants equal chances, all
        parameters with a quiz have them. 0 for all: no quiz at all.
        """
        pools = self.pools
        scenes: Sequence[Rectangles | Indices] = self._valid
        if pools is not None:
            scenes = [pool.of(split) for pool in pools]
        weights = np.array([len(k) * (len(k) - 1.0) for k in scenes])
        if self.task.equal_parameters:
            weights = np.sign(weights)
        return np.asarray(weights / max(weights.sum(), 1.0))

    def draw(
        self, rng: np.random.Generator, parameter: Indices, split: int | None
    ) -> tuple[Rectangles, Rectangles]:
        """Two scenes [n, R, 4] for each parameter [n], whose pairs differ and are of a split."""
        if self.pools is None:
            return self._searched(rng, parameter, split)
        pools = [pool.of(split) for pool in self.pools]
        first = np.zeros((len(parameter), *pools[0].shape[1:]), dtype=np.int16)
        second = first.copy()
        for value in np.unique(parameter).tolist():
            rows, pool = np.flatnonzero(parameter == value), pools[value]
            one = rng.integers(len(pool), size=len(rows))
            other = rng.integers(len(pool) - 1, size=len(rows))
            first[rows], second[rows] = pool[one], pool[other + (other >= one)]
        return first, second

    def _searched(
        self, rng: np.random.Generator, parameter: Indices, split: int | None
    ) -> tuple[Rectangles, Rectangles]:
        """The same where pairs are too many to list."""
        first = np.zeros((len(parameter), *self._known[0].shape[1:]), dtype=np.int16)
        second = first.copy()
        for value in np.unique(parameter).tolist():
            rows = np.flatnonzero(parameter == value)
            first[rows], units = self._found(rng, value, len(rows), split)
            todo = np.arange(len(rows))
            for _ in range(TRIES):
                second[rows[todo]], others = self._found(rng, value, len(todo), split)
                todo = todo[units[todo] == others]
                if not len(todo):
                    break
            else:
                raise too_small("few different pairs in one of its tasks")
        return first, second

    def _found(
        self, rng: np.random.Generator, value: int, count: int, split: int | None
    ) -> tuple[Rectangles, NDArray[np.uint64]]:
        """Scenes [count, R, 4] of a parameter and split, and their units uint64 [count], by drawing
        until there are enough."""
        sets = self.task.scenes(self.plane, self.rectangles)
        share = len(self._valid[value]) / len(self._known[0])
        share *= 1.0 if split is None else SHARES[split]
        kept: list[tuple[Rectangles, NDArray[np.uint64]]] = []
        for _ in range(TRIES):
            missing = count - sum(len(units) for _, units in kept)
            if missing <= 0:
                break
            scenes = sets.sample(rng, min(int(1.1 * missing / share) + 64, MOST_TRIES))
            scenes = scenes[self.task.valid(self.plane, scenes, np.full(len(scenes), value))]
            units = self.units(scenes, np.full(len(scenes), value))
            good = slice(None) if split is None else split_by_hash(units) == split
            kept.append((scenes[good], units[good]))
        else:
            raise too_small("few different pairs in one of its tasks")
        scenes, units = (np.concatenate(arrays)[:count] for arrays in zip(*kept, strict=True))
        return scenes, units
