"""Who of a population trains on which cells: every agent does without others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from agents.training import Draw
from world import QuizBatch, Stream
from world.aliases import AliasesWorld
from world.aliases.options import NUMBERS, TASKS
from world.core.errors import UserError

AGENTS = 5
"""In a population."""
POOLED = AGENTS
"""Number of an agent beside it, which trains on all that any of them does."""
EXAM_SHARE = 0.1
"""Of the cells that nobody trains on, nor is taught by culture."""
OTHERS, NOBODY, EXAM = "others train on", "nobody trains on", "of the exam"
"""Cells that an agent does not train on, by who does; the first two may be proposed and taught."""

Cells = NDArray[np.int64]


@dataclass(frozen=True)
class Allotment:
    """The table of numbers, shared out among a population.

    world: whose held-out cells are the exam. missing: share of all cells that an agent does
    without. owners: agents that train on each cell that any trains on. A cell goes with its twins.
    """

    world: AliasesWorld
    missing: float
    owners: int

    @property
    def known(self) -> float:
        """Share of the cells that some agent trains on."""
        return AGENTS * (1 - self.missing) / self.owners

    def refuse_impossible(self) -> None:
        """Raise UserError for options that no cells can be shared out by."""
        if not 1 <= self.owners < AGENTS:
            raise UserError(f"--owners must be 1 to {AGENTS - 1}, got {self.owners}")
        if self.known + EXAM_SHARE >= 1:
            least = 1 - (1 - EXAM_SHARE) * self.owners / AGENTS
            raise UserError(
                f"--missing must be above {least:g} where {self.owners} of {AGENTS} train on a "
                f"cell, got {self.missing:g}; more --owners leave more cells to each agent"
            )
        for number in range(AGENTS):
            if not all(map(len, (self.own(number), *self.cells(number).values()))):
                raise UserError(
                    "too few cells to share out among a population; raise --modulus, or leave "
                    "populations out with --culture-seeds 0"
                )

    @cached_property
    def trained(self) -> NDArray[np.bool_]:
        """bool [AGENTS + 1, p, p]: the cells that each agent trains on, POOLED last."""
        material = self.world.material
        free = material.splits[NUMBERS] == 0
        orbits, sizes = np.unique(material.orbits[free], return_counts=True)
        order = Stream(self.world.drawing, "aliases-allotment").generator().permutation(len(orbits))
        given = order[np.cumsum(sizes[order]) <= round(self.known * free.size)]
        agent = np.arange(AGENTS)[:, None]
        owned = (agent - np.arange(len(given))) % AGENTS < self.owners
        found = np.stack([np.isin(material.orbits, orbits[given[of]]) & free for of in owned])
        return np.concatenate([found, found.any(axis=0, keepdims=True)])

    def own(self, number: int) -> Cells:
        """int64 [n, 2]: the cells that an agent trains on."""
        return np.argwhere(self.trained[number])

    def cells(self, number: int) -> dict[str, Cells]:
        """By kind, int64 [n, 2]: the cells that an agent does not train on."""
        exam = self.world.material.splits[NUMBERS] > 0
        known, own = self.trained[POOLED], self.trained[number]
        kinds = {OTHERS: known & ~own, NOBODY: ~known & ~exam, EXAM: exam}
        return {name: np.argwhere(of) for name, of in kinds.items()}

    def draw(self, number: int, stream: Stream) -> Draw:
        """Rows of the cells that an agent trains on, all equally likely, by index."""
        cells, named = self.own(number), stream.with_role("aliases-own-cells")

        def draw(start: int, count: int) -> QuizBatch:
            chosen = named.generator(start).integers(len(cells), size=count)
            return self.world.rows(TASKS[NUMBERS], cells[chosen])

        return draw
