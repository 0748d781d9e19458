"""Recombination: the example of one kept quiz, the question of another, and a new answer.

Where two quizzes follow different rules, the child asks for one rule on what was made for the
other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.model import AgentModel
from culture_sim.culture.proposers import ProposalRequest, Proposals, Proposer, proposers
from culture_sim.culture.proposers.writing import FORWARD, answered
from world import QuizBatch, QuizWorld


@proposers.register("recombination")
@dataclass(frozen=True)
class Recombination(Proposer):
    """A and f(A) of one parent, B of another, both by chance."""

    def __call__(self, model: AgentModel, world: QuizWorld, request: ProposalRequest) -> Proposals:
        rng = np.random.default_rng(request.seed)
        kept = request.parents.kept
        one, other = (kept[rng.integers(len(kept), size=request.count)] for _ in range(2))
        of_example = world.slots[FORWARD] < world.example_parts
        tokens = np.where(of_example, one.tokens, other.tokens)
        child = QuizBatch(tokens, one.layout, one.task)
        hashes = np.stack([world.canonical_hash(one), world.canonical_hash(other)], axis=1)
        return Proposals.of(answered(model, world, child), parents=hashes)
