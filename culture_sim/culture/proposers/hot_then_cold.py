"""The source's procedure: an unlikely answer first, then a likely quiz that leads to it.

F. Fleuret's culture (2024) samples f(B) hot, so that it is something new, and then f(A), A and
B at temperature 1, so that the rest makes it as plausible as it can be. The last step asks the
agent for the answer again, now that it can see the quiz; greedily here, where the source samples.
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


@proposers.register("hot_then_cold")
def hot_then_cold(
    model: AgentModel, world: QuizWorld, commission: Commission, config: CultureConfig
) -> Proposals:
    """Write whole quizzes in the writing layout, then answer them in the forward one."""
    hot = np.full(commission.count, config.hot_temperature)
    heat = falling_heat(world, hot, config.temperature)
    written = sample(model, world, commission.seed, heat)
    return Proposals.of(answered(model, world, written), hot)
