"""Recombination: the example of one kept quiz, the question of another, and a new answer.

Where two quizzes follow different rules, the child asks for one rule on what was made for the
other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agents.model import AgentModel
from culture_sim.culture.proposers import Commission, Proposals, proposers
from culture_sim.culture.proposers.writing import FORWARD, answered
from world import QuizBatch, QuizWorld

if TYPE_CHECKING:
    from culture_sim.culture.config import CultureConfig


@proposers.register("recombination")
def recombination(
    model: AgentModel, world: QuizWorld, commission: Commission, config: CultureConfig
) -> Proposals:
    """A and f(A) of one parent, B of another, both by chance."""
    rng = np.random.default_rng(commission.seed)
    kept = commission.material.kept
    one, other = (kept[rng.integers(len(kept), size=commission.count)] for _ in range(2))
    of_example = world.slots[FORWARD] < world.example_parts
    tokens = np.where(of_example, one.tokens, other.tokens)
    child = QuizBatch(tokens, one.layout, one.task)
    hashes = np.stack([world.canonical_hash(one), world.canonical_hash(other)], axis=1)
    return Proposals.of(answered(model, world, child), parents=hashes)
