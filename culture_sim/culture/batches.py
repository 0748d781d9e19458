"""A block of proposals: made by one agent from one seed, sifted, and voted on by all.

A block is decided by its number, the agents and the quizzes known before its wave; so any
process may do it, at any time, with the same result.
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
class Workshop:
    """What every block of a round needs.

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

    def proposer(self, block: int) -> int:
        """The agent a block belongs to: they take turns."""
        return block % len(self.models)

    def _turn(self, block: int) -> int:
        """Which of the proposers a block is made by: each agent's blocks take turns."""
        return block // len(self.models) % len(self.config.proposers)

    def method(self, block: int) -> str:
        """The name of the proposer that a block is made by."""
        return self.config.methods[self._turn(block)]

    def propose(self, block: int, parents: ParentPool) -> Proposals:
        """A block of proposals."""
        request = ProposalRequest(self.block_seed(block), self.block_count(block), parents)
        proposer = self.config.proposers[self._turn(block)]
        return proposer(self.models[self.proposer(block)], self.world, request)

    def block_seed(self, block: int) -> int:
        """The seed of a block, for its sampling."""
        agent = self.proposer(block)
        return Stream(self.seed, "proposal", agent, self.provenance.round).seed(block)

    def voters(self, block: int) -> np.random.Generator:
        """What a block's voters are drawn by."""
        return Stream(self.seed, "voters", round=self.provenance.round).generator(block)

    def noisy(self, block: int, quizzes: QuizBatch) -> list[QuizBatch]:
        """The questions on a block's quizzes with noise in the prompts, once for each round."""
        named = Stream(self.seed, "vote-noise", round=self.provenance.round)
        rng, asked = named.generator(block), ask(self.world, quizzes)
        rounds = range(self.config.noise_rounds)
        return [self.world.corrupt(asked, self.config.vote_noise, rng) for _ in rounds]

    def block_count(self, block: int) -> int:
        """Proposals in a block: the last one of the budget may be shorter, those after it empty."""
        size = self.config.block_size
        return max(0, min(size, self.config.max_proposals - block * size))


@dataclass(frozen=True)
class BlockResult:
    """What became of a block's proposals.

    proposed, trivial: how many there were, and how many of them asked for nothing; what is
    missing beside them and the K were duplicates.
    proposals: the K others. hashes: uint64 [K], canonical. rows: int64 [K], their places in the
    block. votes: what all agents make of them.
    """

    block: int
    proposed: int
    trivial: int
    proposals: Proposals
    hashes: NDArray[np.uint64]
    rows: NDArray[np.int64]
    votes: VoteTable


def process_block(
    shop: Workshop, block: int, known: NDArray[np.uint64], parents: ParentPool
) -> BlockResult:
    """Propose a block, drop what asks for nothing or is in ``known``, have the rest voted on.

    known: uint64 [any], canonical hashes. parents: what this block may be made from.
    """
    agent, count = shop.proposer(block), shop.block_count(block)
    with shop.accelerator.autocast():
        proposals = shop.propose(block, parents)
        quizzes = proposals.quizzes
        hashes = shop.world.canonical_hash(quizzes)
        asking = np.flatnonzero(~shop.world.is_trivial(quizzes))
        chosen = asking[first_seen(hashes[asking], known)]
        proposer = np.full(len(chosen), agent, dtype=np.int16)
        voted = draw_voters(shop.voters(block), len(chosen), len(shop.models), shop.config.voters)
        noisy = shop.noisy(block, quizzes[chosen])
        votes = vote(shop.models, shop.world, quizzes[chosen], proposer, voted, noisy)
    return BlockResult(
        block=block,
        proposed=count,
        trivial=count - len(asking),
        proposals=proposals[chosen],
        hashes=hashes[chosen],
        rows=chosen,
        votes=votes,
    )


def first_seen(hashes: NDArray[np.uint64], known: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """bool [B]: hashes that are not known and do not occur earlier in ``hashes``."""
    first = np.zeros(len(hashes), dtype=np.bool_)
    first[np.unique(hashes, return_index=True)[1]] = True
    return first & ~np.isin(hashes, known)
