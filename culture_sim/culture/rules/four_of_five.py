"""Four of five agree: the quiz is right, since four say so, yet hard, since one fails it.

The rule of F. Fleuret's culture experiment (2024) with exact answers in place of thresholds on
probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass

from culture_sim.culture.rules import Rule, rules
from culture_sim.culture.rules.all_but_k import AllButK
from culture_sim.culture.votes import Decision, VoteTable
from world.core.errors import UserError

AGENTS = 5


@rules.register("four_of_five")
@dataclass(frozen=True)
class FourOfFive(Rule):
    """Keep a quiz that exactly four of five agents solve in every direction."""

    def __call__(self, votes: VoteTable) -> Decision:
        """The dissenter is the agent that fails at least one direction.

        Raises UserError unless all of five agents vote.
        """
        if votes.n_agents != AGENTS:
            raise UserError(
                f"rule four_of_five needs {AGENTS} agents, the population has {votes.n_agents}; "
                f"set agents to {AGENTS} or choose another culture.rule"
            )
        if not votes.voted.all():
            raise UserError("rule four_of_five needs the votes of all agents on every quiz")
        return AllButK(k=1)(votes)

    def describe(self, n_agents: int) -> str:
        return "exactly four of five agents solve it in every direction"
