"""Decisive probabilities instead of exact answers: the rule of the source's first experiment.

F. Fleuret's culture (2024): an agent's probability of the right answers forward and backward,
multiplied and averaged over rounds of prompt noise, is at least 0.95 for those that understand a
quiz and at most 0.5 for the one or two that do not; nobody may be in between.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from culture_sim.culture.rules import Rule, rules
from culture_sim.culture.votes import Decision, VoteTable
from world.core.errors import COUNT, SHARE, UserError, require


@rules.register("likelihood")
@dataclass(frozen=True)
class Likelihood(Rule):
    """Keep a quiz that all voters but a few find likely, those few unlikely, and none unsure.

    ``culture.noise_rounds`` 3 and ``culture.vote_noise`` 0.05 are the source's.
    """

    understood: float = 0.95
    """Least probability of a voter that understands."""
    failed: float = 0.5
    """Greatest probability of a voter that fails."""
    fewest: int = 1
    """Least number of voters that fail a kept quiz."""
    most: int = 2
    """Greatest number of voters that fail a kept quiz."""

    def __post_init__(self) -> None:
        require(self, "rule likelihood", SHARE, "understood", "failed")
        require(self, "rule likelihood", COUNT, "fewest", "most")
        if self.failed >= self.understood or self.fewest > self.most:
            raise UserError(
                f"rule likelihood needs failed ({self.failed}) below understood "
                f"({self.understood}) and fewest ({self.fewest}) at most most ({self.most})"
            )

    def __call__(self, votes: VoteTable) -> Decision:
        """The dissenter is the voter that fails, where there is one alone.

        Raises UserError where nobody would be left to understand a quiz that ``most`` fail.
        """
        voters = int(votes.voted.sum(axis=1).min(initial=votes.n_agents))
        if voters <= self.most:
            raise UserError(
                f"rule likelihood with most = {self.most} needs more than {self.most} voters, "
                f"got {voters}; set more agents or a smaller most"
            )
        failing = votes.voted & (votes.probability <= self.failed)
        sure = failing | (votes.voted & (votes.probability >= self.understood))
        unsure = (votes.voted & ~sure).sum(axis=1)
        failures = failing.sum(axis=1)
        keep = (unsure == 0) & (failures >= self.fewest) & (failures <= self.most)
        alone = keep & (failures == 1)
        dissenter = np.where(alone, failing.argmax(axis=1), -1).astype(np.int16)
        pairs = zip(unsure.tolist(), failures.tolist(), strict=True)
        return Decision(keep, dissenter, [self._reason(*pair) for pair in pairs])

    def describe(self, n_agents: int) -> str:
        return (
            f"{self.fewest} to {self.most} voters hold its answers for at most {self.failed:.0%} "
            f"likely, and all others for at least {self.understood:.0%}"
        )

    def _reason(self, unsure: int, failures: int) -> str:
        if failures > self.most:
            return f"too hard: {failures} fail"
        if unsure:
            return f"undecided: {unsure} voter{'' if unsure == 1 else 's'}"
        if failures < self.fewest:
            return f"too easy: {failures} fail"
        return "kept"
