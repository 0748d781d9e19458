"""Worlds that make sequences of a split from a random generator."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from world.core.batch import QuizBatch
from world.core.errors import UserError
from world.core.sampling import draw_split
from world.core.seeds import Stream
from world.core.world import World


class DrawnWorld(World):
    """Its streams are cut into blocks, and each is generated from a seed of its own."""

    @abstractmethod
    def generate(
        self,
        rng: np.random.Generator,
        count: int,
        split: int,
        task_weights: Sequence[float] | None = None,
    ) -> QuizBatch:
        """Sequences of one split, by its index, in layout 0.

        task_weights: as for ``draw``. Raises UserError where a task has too little to draw from.
        """

    def draw(
        self,
        stream: Stream,
        start: int,
        count: int,
        split: str,
        task_weights: Sequence[float] | None = None,
    ) -> QuizBatch:
        def of_split(rng: np.random.Generator, size: int, index: int) -> QuizBatch:
            return self.generate(rng, size, index, task_weights)

        return draw_split(self, of_split, stream, start, count, split)

    def choose_tasks(
        self,
        rng: np.random.Generator,
        count: int,
        split: int,
        task_weights: Sequence[float] | None,
    ) -> NDArray[np.int64]:
        """int64 [count]: a task for each sequence, of those that the split has.

        Raises UserError where none of those that are asked for is held out.
        """
        drawn = self.tasks_in(self.splits[split])
        weights = np.zeros(len(self.tasks))
        weights[list(drawn)] = 1.0 if task_weights is None else np.array(task_weights)[list(drawn)]
        if not weights.any():
            asked = [
                name for k, name in enumerate(self.tasks) if task_weights is None or task_weights[k]
            ]
            raise UserError(f"the split {self.splits[split]!r} has nothing of {', '.join(asked)}")
        return rng.choice(len(self.tasks), size=count, p=weights / weights.sum())
