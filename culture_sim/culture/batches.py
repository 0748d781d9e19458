"""Batches of proposals: each made by one agent from one seed, sifted, and voted on by all.

A batch is decided by its number, the agents and the quizzes known before its shard; so any process
may do it, at any time, with the same result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from accelerate import Accelerator
from numpy.typing import NDArray

from agents.model import AgentModel
from culture_sim.culture.config import CultureConfig
from culture_sim.culture.proposers import ParentPool, ProposalRequest, Proposals
from culture_sim.culture.records import Provenance
from culture_sim.culture.votes import VoteTable, ask, draw_voters, vote
from world import QuizBatch, QuizWorld, Stream


@dataclass(frozen=True)
class RoundContext:
    """What every batch of a round needs.

    models: the N agents, on this process's device. seed: the run's root seed. provenance: what
    the round's quizzes have in common. kept: for each agent, quizzes in layout 0 that it may
    make proposals from.
    """

    models: Sequence[AgentModel]
    world: QuizWorld
    config: CultureConfig
    seed: int
    provenance: Provenance
    kept: Sequence[QuizBatch]
    accelerator: Accelerator

    def agent(self, number: int) -> int:
        """The agent a batch belongs to: they take turns."""
        return number % len(self.models)

    def _turn(self, number: int) -> int:
        """Which of the proposers a batch is made by: each agent's batches take turns."""
        return number // len(self.models) % len(self.config.proposers)

    def method(self, number: int) -> str:
        """The name of the proposer that a batch is made by."""
        return self.config.methods[self._turn(number)]

    def propose(self, number: int, parents: ParentPool) -> Proposals:
        """A batch of proposals."""
        request = ProposalRequest(self.batch_seed(number), self.batch_size(number), parents)
        proposer = self.config.proposers[self._turn(number)]
        return proposer(self.models[self.agent(number)], self.world, request)

    def batch_seed(self, number: int) -> int:
        """The seed of a batch, for its sampling."""
        agent = self.agent(number)
        return Stream(self.seed, "proposal", agent, self.provenance.round).seed(number)

    def voters(self, number: int, quizzes: int) -> NDArray[np.bool_]:
        """bool [quizzes, N]: who votes on each quiz of a batch."""
        rng = Stream(self.seed, "voters", round=self.provenance.round).generator(number)
        return draw_voters(rng, quizzes, len(self.models), self.config.voters)

    def noisy(self, number: int, quizzes: QuizBatch) -> list[QuizBatch]:
        """The questions on a batch's quizzes with noise in the prompts, once for each time that
        agents are asked."""
        named = Stream(self.seed, "vote-noise", round=self.provenance.round)
        rng, asked = named.generator(number), ask(self.world, quizzes)
        times = range(self.config.noise_rounds)
        return [self.world.corrupt(asked, self.config.vote_noise, rng) for _ in times]

    def batch_size(self, number: int) -> int:
        """Proposals in a batch: the last one of the budget may be shorter, those after it empty."""
        size = self.config.batch_size
        return max(0, min(size, self.config.max_proposals - number * size))


@dataclass(frozen=True)
class Candidates:
    """The proposals of a batch that ask for something and are not known already.

    batch: its number. proposed, trivial: how many there were, and how many of them asked for
    nothing; what is missing beside them and the K candidates were duplicates. proposals: the K.
    hashes: uint64 [K], canonical. rows: int64 [K], their places in the batch.
    """

    batch: int
    proposed: int
    trivial: int
    proposals: Proposals
    hashes: NDArray[np.uint64]
    rows: NDArray[np.int64]


@dataclass(frozen=True)
class Ballot:
    """A batch's candidates, and what all agents make of them."""

    candidates: Candidates
    votes: VoteTable


def propose_batch(
    context: RoundContext, number: int, known: NDArray[np.uint64], parents: ParentPool
) -> Candidates:
    """Propose a batch, and drop what asks for nothing or is in ``known``.

    known: uint64 [any], canonical hashes. parents: what this batch may be made from.
    """
    with context.accelerator.autocast():
        proposals = context.propose(number, parents)
    hashes = context.world.canonical_hash(proposals.quizzes)
    asking = np.flatnonzero(~context.world.is_trivial(proposals.quizzes))
    chosen = asking[first_seen(hashes[asking], known)]
    size = context.batch_size(number)
    return Candidates(number, size, size - len(asking), proposals[chosen], hashes[chosen], chosen)


def vote_on(context: RoundContext, candidates: Candidates) -> Ballot:
    """All agents' votes on a batch, its own agent's among them."""
    number, quizzes = candidates.batch, candidates.proposals.quizzes
    proposer = np.full(len(quizzes), context.agent(number), dtype=np.int16)
    with context.accelerator.autocast():
        voted = context.voters(number, len(quizzes))
        noisy = context.noisy(number, quizzes)
        votes = vote(context.models, context.world, quizzes, proposer, voted, noisy)
    return Ballot(candidates, votes)


def first_seen(hashes: NDArray[np.uint64], known: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """bool [B]: hashes that are not known and do not occur earlier in ``hashes``."""
    first = np.zeros(len(hashes), dtype=np.bool_)
    first[np.unique(hashes, return_index=True)[1]] = True
    return first & ~np.isin(hashes, known)
