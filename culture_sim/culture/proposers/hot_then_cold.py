"""The source's method: an unlikely answer first, then a likely quiz that leads to it.

F. Fleuret's culture (2024) samples f(B) hot, so that it is something new, and then f(A), A and
B at temperature 1, so that the rest makes it as plausible as it can be. The last step asks the
agent for the answer again, now that it can see the quiz; greedily here, where the source samples.
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


@proposers.register("hot_then_cold")
@dataclass(frozen=True)
class HotThenCold(SamplingProposer):
    """Write whole quizzes in the writing layout, then answer them in the forward one."""

    def __call__(self, model: AgentModel, world: QuizWorld, request: ProposalRequest) -> Proposals:
        hot = np.full(request.count, self.hot_temperature)
        written = sample(
            model, world, request.seed, falling_temperature(world, hot, self.temperature)
        )
        return Proposals.of(answered(model, world, written), hot, self.temperature)
