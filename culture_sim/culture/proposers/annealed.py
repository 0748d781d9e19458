"""A schedule within the quiz: the temperature falls evenly from the first token to the last.

Where ``hot_then_cold`` draws a first part that nothing restrains, the end of the first part is
less hot here, and the parts after it are warmer than the last one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agents.model import AgentModel
from culture_sim.culture.proposers import Commission, Proposals, proposers
from culture_sim.culture.proposers.writing import answered, sample
from world import QuizWorld

if TYPE_CHECKING:
    from culture_sim.culture.config import CultureConfig


@proposers.register("annealed")
def annealed(
    model: AgentModel, world: QuizWorld, commission: Commission, config: CultureConfig
) -> Proposals:
    """From ``culture.hot_temperature`` down to ``culture.temperature``."""
    falling = np.linspace(config.hot_temperature, config.temperature, world.seq_len)
    heat = np.tile(falling, (commission.count, 1))
    written = sample(model, world, commission.seed, heat)
    return Proposals.of(answered(model, world, written), config.hot_temperature)
