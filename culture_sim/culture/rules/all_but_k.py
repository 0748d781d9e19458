"""All agents but k agree: any number of them, and any number of dissenters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from culture_sim.culture.rules import Rule, in_words, rules
from culture_sim.culture.votes import Decision, VoteTable
from world.core.errors import COUNT, UserError, require


@rules.register("all_but_k")
@dataclass(frozen=True)
class AllButK(Rule):
    """Keep a quiz that all of its voters but exactly ``k`` solve in every direction."""

    k: int = 1
    """Voters that fail a kept quiz; at least one must be left that solves it."""
    others: bool = False
    """Leave the vote of the agent that proposed the quiz out of account, as the source's first
    experiment of June 2024 does."""

    def __post_init__(self) -> None:
        require(self, "rule all_but_k", COUNT, "k")

    def __call__(self, votes: VoteTable) -> Decision:
        """With k = 1 the dissenter is the voter that fails; with more there is no single one.

        Raises UserError where a quiz has k voters or fewer.
        """
        voted = votes.voted
        if self.others:
            voted = voted & (np.arange(votes.n_agents) != votes.proposer[:, None])
        voters = voted.sum(axis=1)
        fewest = int(voters.min(initial=votes.n_agents))
        if fewest <= self.k:
            beside = " beside the proposer" if self.others else ""
            raise UserError(
                f"rule all_but_k with k = {self.k} needs more than {self.k} voters{beside}, got "
                f"{fewest}; set more agents or a smaller k"
            )
        wrong = voted & ~votes.solves
        failing = wrong.sum(axis=1)
        keep = failing == self.k
        dissenter = np.where(keep & (self.k == 1), wrong.argmax(axis=1), -1).astype(np.int16)
        reasons = [
            self._reason(*pair) for pair in zip(voters.tolist(), failing.tolist(), strict=True)
        ]
        return Decision(keep, dissenter, reasons)

    def describe(self, n_agents: int) -> str:
        voters = "voters beside its proposer" if self.others else "voters"
        return f"all {voters} but exactly {in_words(self.k)} solve it in every direction"

    def _reason(self, voters: int, failing: int) -> str:
        if failing == self.k:
            return "kept"
        solvers = voters - failing
        judgement = "too easy" if failing < self.k else "too hard"
        return f"{judgement}: {solvers} solver{'' if solvers == 1 else 's'}"
