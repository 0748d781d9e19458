"""A consensus rule for agents that solve nothing: chance keeps about half of what is voted on.

A plugin of the campaign's runs, whose agents learn for a second and whose culture has to hold
quizzes all the same.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from culture_sim.culture.rules import Rule, rules
from culture_sim.culture.votes import Decision, VoteTable


@rules.register("by_lot")
@dataclass(frozen=True)
class ByLot(Rule):
    """Keep a quiz when the lot drawn from its votes says so; who is most wrong is its dissenter."""

    def __call__(self, votes: VoteTable) -> Decision:
        """A quiz's lot depends on its own votes alone."""
        lots = [
            hashlib.blake2b(logs.tobytes() + bytes([proposer % 256]), digest_size=1).digest()[0]
            for logs, proposer in zip(votes.log_prob, votes.proposer.tolist(), strict=True)
        ]
        keep = np.array(lots, dtype=np.int64) % 2 == 0
        wrong = np.where(votes.voted, votes.wrong_tokens.sum(axis=2, dtype=np.int64), -1)
        dissenter = np.where(keep, wrong.argmax(axis=1), -1).astype(np.int16)
        return Decision(keep, dissenter, ["kept" if kept else "not drawn" for kept in keep])

    def describe(self, n_agents: int) -> str:
        return "chance draws it"
