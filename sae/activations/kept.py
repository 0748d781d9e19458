"""Activations of agents on one batch of quizzes, formed once for all who read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, cat

from agents.model import AgentModel
from sae.activations.harvest import activation_chunks, activations, kept_tokens
from world import QuizBatch, World

BUDGET = 1 << 30
"""Bytes of activations that are kept; agents beyond are run again each time."""
ROWS = 1 << 14
"""Rows given at a time."""


class KeptActivations:
    """Activations of agents at one site on a batch, and on whichever of its quizzes come first."""

    def __init__(
        self, agents: Mapping[int, AgentModel], world: World, batch: QuizBatch, site: str
    ) -> None:
        self.agents, self.batch, self.site, self._world = agents, batch, site, world
        self._ends = np.cumsum([0, *kept_tokens(world, batch).sum(axis=1)])
        self._kept: dict[int, Tensor] = {}

    def chunks(self, agent: int, quizzes: QuizBatch) -> Iterator[Tensor]:
        """Activations float32 [n, d] of kept tokens, some rows at a time, as activation_chunks."""
        if not self._begins_with(quizzes):
            return activation_chunks(self.agents[agent], self._world, quizzes, self.site)
        last = int(self._ends[len(quizzes)])
        if agent in self._kept:
            return iter(self._kept[agent][:last].split(ROWS))
        if len(quizzes) < len(self.batch):
            return activation_chunks(self.agents[agent], self._world, quizzes, self.site)
        return self._harvested(agent)

    def of_some(self, agent: int, chosen: NDArray[np.int64]) -> Tensor:
        """Activations float32 [n, d] of some of the batch's quizzes, int64, ascending."""
        if agent not in self._kept:
            return activations(self.agents[agent], self._world, self.batch[chosen], self.site)
        rows = [np.arange(self._ends[quiz], self._ends[quiz + 1]) for quiz in chosen]
        return self._kept[agent][np.concatenate(rows)]

    def _harvested(self, agent: int) -> Iterator[Tensor]:
        """Of the whole batch, kept if there is room."""
        chunks = activation_chunks(self.agents[agent], self._world, self.batch, self.site)
        first = next(chunks)
        held = sum(kept.nbytes for kept in self._kept.values())
        if held + first[0].nbytes * int(self._ends[-1]) > BUDGET:
            return chain([first], chunks)
        self._kept[agent] = cat([first, *chunks])
        return iter(self._kept[agent].split(ROWS))

    def _begins_with(self, quizzes: QuizBatch) -> bool:
        first = self.batch[: len(quizzes)]
        return bool(
            np.array_equal(first.tokens, quizzes.tokens)
            and np.array_equal(first.layout, quizzes.layout)
        )
