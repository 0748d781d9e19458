"""Mutation: a kept quiz with some of its cells changed by chance, and its answer made anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agents.model import AgentModel
from culture_sim.culture.proposers import Commission, Proposals, proposers
from culture_sim.culture.proposers.writing import FORWARD, answered
from world import QuizBatch, QuizWorld

if TYPE_CHECKING:
    from culture_sim.culture.config import CultureConfig


@proposers.register("mutation")
def mutation(
    model: AgentModel, world: QuizWorld, commission: Commission, config: CultureConfig
) -> Proposals:
    """Parents by chance; each token of the question is drawn anew at ``culture.mutation_rate``."""
    rng = np.random.default_rng(commission.seed)
    kept = commission.material.kept
    parents = kept[rng.integers(len(kept), size=commission.count)]
    changed = _changed(world, parents, config.mutation_rate, rng)
    hashes = world.canonical_hash(parents)[:, None]
    return Proposals.of(answered(model, world, changed), parents=hashes)


def _changed(
    world: QuizWorld, quizzes: QuizBatch, rate: float, rng: np.random.Generator
) -> QuizBatch:
    """A share of tokens replaced by any that may stand there; the answer is of no account."""
    lots = rng.random((*quizzes.tokens.shape, world.vocab_size))
    drawn = (lots * world.allowed[FORWARD]).argmax(axis=2)
    hit = rng.random(quizzes.tokens.shape) < rate
    tokens = np.where(hit, drawn, quizzes.tokens).astype(world.token_dtype)
    return QuizBatch(tokens, quizzes.layout, quizzes.task)
