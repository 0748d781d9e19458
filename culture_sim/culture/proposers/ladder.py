"""Every temperature at once: the first part of each proposal is sampled at one of its own.

One round then shows what temperature does to the yield, and to what is kept, at no extra cost.
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
from world.core.errors import COUNT, require


@proposers.register("ladder")
@dataclass(frozen=True)
class Ladder(SamplingProposer):
    """As ``hot_then_cold``, from ``temperature`` to ``hot_temperature`` in even steps, in turn."""

    rungs: int = 8
    """Temperatures of the first part."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "proposer ladder", COUNT, "rungs")

    def __call__(self, model: AgentModel, world: QuizWorld, request: ProposalRequest) -> Proposals:
        rungs = np.linspace(self.temperature, self.hot_temperature, self.rungs)
        hot = rungs[np.arange(request.count) % self.rungs]
        written = sample(
            model, world, request.seed, falling_temperature(world, hot, self.temperature)
        )
        return Proposals.of(answered(model, world, written), hot, self.temperature)
