"""A control: as many quizzes as ``likelihood`` keeps, chosen at random from those voted on."""

from __future__ import annotations

from dataclasses import dataclass

from culture_sim.culture.rules import rules
from culture_sim.culture.rules.likelihood import Likelihood
from culture_sim.culture.rules.random_filter import drawn
from culture_sim.culture.votes import Decision, VoteTable


@rules.register("random_likelihood")
@dataclass(frozen=True)
class RandomLikelihood(Likelihood):
    """Keep at random as many quizzes of a table as a margin of confidence would keep."""

    seed: int = 0
    """Of the choice."""

    def __call__(self, votes: VoteTable) -> Decision:
        """Raises UserError as ``likelihood`` does."""
        return drawn(votes, int(super().__call__(votes).keep.sum()), self.seed)

    def describe(self, n_agents: int) -> str:
        return f"chance draws it; as many are drawn as those of which {super().describe(n_agents)}"
