"""A schedule within the quiz: the temperature falls evenly from the first token to the last.

Where ``hot_then_cold`` draws a first part that nothing restrains, the end of the first part is
less hot here, and the parts after it are warmer than the last one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.model import AgentModel
from culture_sim.culture.proposers import ProposalRequest, Proposals, proposers
from culture_sim.culture.proposers.writing import SamplingProposer, answered, sample
from world import QuizWorld


@proposers.register("annealed")
@dataclass(frozen=True)
class Annealed(SamplingProposer):
    """From ``hot_temperature`` at the first token down to ``temperature`` at the last."""

    def __call__(self, model: AgentModel, world: QuizWorld, request: ProposalRequest) -> Proposals:
        falling = np.linspace(self.hot_temperature, self.temperature, world.seq_len)
        written = sample(model, world, request.seed, np.tile(falling, (request.count, 1)))
        quizzes = answered(model, world, written)
        return Proposals.of(quizzes, self.hot_temperature, self.temperature)
