"""Mutation: a kept quiz with some of its tokens changed by chance, and its answer made anew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.model import AgentModel
from culture_sim.culture.proposers import ProposalRequest, Proposals, Proposer, proposers
from culture_sim.culture.proposers.writing import FORWARD, answered
from world import QuizBatch, QuizWorld
from world.core.errors import SHARE, require


@proposers.register("mutation")
@dataclass(frozen=True)
class Mutation(Proposer):
    """Parents by chance; each token of the question is drawn anew at ``rate``."""

    rate: float = 0.03
    """Chance of each token of the question to be drawn anew."""

    def __post_init__(self) -> None:
        require(self, "proposer mutation", SHARE, "rate")

    def __call__(self, model: AgentModel, world: QuizWorld, request: ProposalRequest) -> Proposals:
        rng = np.random.default_rng(request.seed)
        kept = request.parents.kept
        parents = kept[rng.integers(len(kept), size=request.count)]
        changed = self._changed(world, parents, rng)
        hashes = world.canonical_hash(parents)[:, None]
        return Proposals.of(answered(model, world, changed), parents=hashes)

    def _changed(self, world: QuizWorld, quizzes: QuizBatch, rng: np.random.Generator) -> QuizBatch:
        """A share of tokens replaced by any that may stand there; the answer is of no account."""
        lots = rng.random((*quizzes.tokens.shape, world.vocab_size))
        drawn = (lots * world.allowed[FORWARD]).argmax(axis=2)
        hit = rng.random(quizzes.tokens.shape) < self.rate
        tokens = np.where(hit, drawn, quizzes.tokens).astype(world.token_dtype)
        return QuizBatch(tokens, quizzes.layout, quizzes.task)
