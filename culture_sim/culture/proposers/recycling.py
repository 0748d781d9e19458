"""The source's recycling of answers: the f(B) of a rejected quiz gets another quiz written to it.

In the source such answers come back until they are kept, for ever if need be; here an answer that
was rejected ``culture.recycle_age`` times is given up, and a fresh one is sampled hot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agents.model import AgentModel
from culture_sim.culture.proposers import Commission, Proposals, proposers
from culture_sim.culture.proposers.writing import answered, falling_heat, sample
from world import QuizWorld

if TYPE_CHECKING:
    from culture_sim.culture.config import CultureConfig


@proposers.register("recycling")
def recycling(
    model: AgentModel, world: QuizWorld, commission: Commission, config: CultureConfig
) -> Proposals:
    """As ``hot_then_cold``, the answers of rejected quizzes first, in their order."""
    count, material = commission.count, commission.material
    again = np.flatnonzero(material.ages < config.recycle_age)[:count]
    old = material.rejected[again]
    openings = world.arrange(old, world.writing_layout).tokens
    hot = np.full(count, config.hot_temperature)
    heat = falling_heat(world, hot, config.temperature)
    quizzes = answered(model, world, sample(model, world, commission.seed, heat, openings))
    hot[: len(again)] = np.nan
    parents = np.zeros((count, 1), dtype=np.uint64)
    parents[: len(again), 0] = world.canonical_hash(old)
    age = np.zeros(count, dtype=np.int16)
    age[: len(again)] = material.ages[again] + 1
    return Proposals.of(quizzes, hot, parents, age)
