"""A control: as many quizzes as `all_but_k` keeps, chosen at random from those voted on.

What culture does beyond this control is owed to the consensus, not to more quizzes of any kind.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from culture_sim.culture.rules import Rule, in_words, rules
from culture_sim.culture.rules.all_but_k import AllButK
from culture_sim.culture.votes import Decision, VoteTable


@rules.register("random_filter")
@dataclass(frozen=True)
class RandomFilter(Rule):
    """Keep at random as many quizzes of a table as all but ``k`` voters solve."""

    k: int = 1
    """Of the rule that says how many are kept."""
    seed: int = 0
    """Of the choice."""
    others: bool = False
    """Of the rule that says how many are kept."""

    def __call__(self, votes: VoteTable) -> Decision:
        """A quiz's lot is drawn from its own votes, so the order of the table plays no part.

        Raises UserError as `all_but_k` does.
        """
        count = int(AllButK(self.k, self.others)(votes).keep.sum())
        return drawn(votes, count, self.seed)

    def describe(self, n_agents: int) -> str:
        voters = "voters beside the proposer" if self.others else "voters"
        return (
            f"chance draws it; as many are drawn as all {voters} but exactly {in_words(self.k)} "
            f"solve"
        )


def drawn(votes: VoteTable, count: int, seed: int) -> Decision:
    """A decision that keeps ``count`` quizzes of a table, chosen at random."""
    keep = np.zeros(len(votes), dtype=np.bool_)
    keep[np.argsort(_lots(votes, seed), kind="stable")[:count]] = True
    reasons = ["kept" if kept else "not drawn" for kept in keep]
    return Decision(keep, np.full(len(votes), -1, dtype=np.int16), reasons)


def _lots(votes: VoteTable, seed: int) -> NDArray[np.uint64]:
    """uint64 [B]: a number from all votes on a quiz, which no other quiz shares."""
    rows = zip(votes.log_prob, votes.wrong_tokens, votes.proposer, strict=True)
    begin = f"{seed}|".encode()
    digests = [
        hashlib.blake2b(begin + b"".join(part.tobytes() for part in row), digest_size=8)
        for row in rows
    ]
    return np.frombuffer(b"".join(d.digest() for d in digests), dtype=np.uint64)
