"""Every temperature at once: the first part of each proposal is sampled at one of its own.

One round then shows what temperature does to the yield, and to what is kept, at no extra cost.
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

RUNGS = 8
"""Temperatures, from ``culture.temperature`` to ``culture.hot_temperature`` in even steps."""


@proposers.register("ladder")
def ladder(
    model: AgentModel, world: QuizWorld, commission: Commission, config: CultureConfig
) -> Proposals:
    """As ``hot_then_cold``, the rungs in turn."""
    rungs = np.linspace(config.temperature, config.hot_temperature, RUNGS)
    hot = rungs[np.arange(commission.count) % RUNGS]
    heat = falling_heat(world, hot, config.temperature)
    written = sample(model, world, commission.seed, heat)
    return Proposals.of(answered(model, world, written), hot)
