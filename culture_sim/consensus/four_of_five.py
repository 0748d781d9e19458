"""Four of five agree: the quiz is right, since four say so, yet hard, since one fails it.

The rule of F. Fleuret's culture experiment (2024) with exact answers in place of thresholds on
probabilities.
"""

from __future__ import annotations

import numpy as np

from culture_sim.consensus import rules
from culture_sim.votes import Decision, VoteTable
from world.errors import UserError

AGENTS = 5


@rules.register("four_of_five")
def four_of_five(votes: VoteTable) -> Decision:
    """Keep a quiz that exactly four of five agents solve in both directions.

    The dissenter is the agent that fails at least one direction. Raises UserError unless there
    are five agents.
    """
    if votes.n_agents != AGENTS:
        raise UserError(
            f"rule four_of_five needs {AGENTS} agents, the population has {votes.n_agents}; "
            f"set agents to {AGENTS} or choose another culture.rule"
        )
    solvers = votes.solves.sum(axis=1)
    keep = solvers == AGENTS - 1
    dissenter = np.where(keep, votes.solves.argmin(axis=1), -1).astype(np.int16)
    return Decision(keep, dissenter, [_reason(int(count)) for count in solvers])


def _reason(solvers: int) -> str:
    if solvers == AGENTS - 1:
        return "kept"
    judgement = "too easy" if solvers == AGENTS else "too hard"
    return f"{judgement}: {solvers} solver{'' if solvers == 1 else 's'}"
