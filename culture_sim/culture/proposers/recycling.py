"""The source's recycling of answers: the f(B) of a rejected quiz gets another quiz written to it.

In the source such answers come back until they are kept, for ever if need be; here an answer that
was rejected ``age`` times is given up, and a fresh one is sampled hot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.model import AgentModel
from culture_sim.culture.proposers import ProposalRequest, Proposals, proposers
from culture_sim.culture.proposers.writing import (
    SamplingProposer,
    answered,
    falling_temperature,
    sample,
)
from world import QuizWorld
from world.core.errors import AMOUNT, require


@proposers.register("recycling")
@dataclass(frozen=True)
class Recycling(SamplingProposer):
    """As ``hot_then_cold``, the answers of rejected quizzes first, in their order."""

    age: int = 2
    """Times that another quiz is written to a rejected answer."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "proposer recycling", AMOUNT, "age")

    def __call__(self, model: AgentModel, world: QuizWorld, request: ProposalRequest) -> Proposals:
        count, pool = request.count, request.parents
        reused = np.flatnonzero(pool.ages < self.age)[:count]
        rejected = pool.rejected[reused]
        openings = world.arrange(rejected, world.writing_layout).tokens
        hot = np.full(count, self.hot_temperature)
        temperature = falling_temperature(world, hot, self.temperature)
        written = sample(model, world, request.seed, temperature, openings)
        hot[: len(reused)] = np.nan
        parents = np.zeros((count, 1), dtype=np.uint64)
        parents[: len(reused), 0] = world.canonical_hash(rejected)
        age = np.zeros(count, dtype=np.int16)
        age[: len(reused)] = pool.ages[reused] + 1
        quizzes = answered(model, world, written)
        return Proposals.of(quizzes, hot, self.temperature, parents, age)
