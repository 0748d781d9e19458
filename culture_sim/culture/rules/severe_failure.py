"""Several solve it and several fail it badly: the rule of the source's later experiment.

F. Fleuret's 32 agents (2024): of 12 drawn for a quiz at least 4 are perfect, and at least 4 are
wrong in more than 5 cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from culture_sim.culture.rules import Rule, in_words, rules
from culture_sim.culture.votes import Decision, VoteTable
from world.core.errors import COUNT, UserError, require


@rules.register("severe_failure")
@dataclass(frozen=True)
class SevereFailure(Rule):
    """Keep a quiz that enough voters solve, and enough others get wrong in many tokens."""

    perfect: int = 4
    """Voters that must solve the quiz in every direction."""
    failing: int = 4
    """Voters that must fail it severely."""
    wrong_tokens: int = 5
    """A failure is severe when more tokens than this are wrong in one direction.

    Votes count tokens given the true ones before them, so that one mistake leads to no others. In
    an answer that the agent writes to its end it may: as many tokens are a stricter demand here.
    """

    def __post_init__(self) -> None:
        require(self, "rule severe_failure", COUNT, "perfect", "failing", "wrong_tokens")

    def __call__(self, votes: VoteTable) -> Decision:
        """No agent is singled out as the dissenter unless it alone fails severely.

        Raises UserError where fewer voters than ``perfect`` + ``failing`` could vote.
        """
        fewest = int(votes.voted.sum(axis=1).min(initial=votes.n_agents))
        if fewest < self.perfect + self.failing:
            raise UserError(
                f"rule severe_failure needs {self.perfect + self.failing} voters, got {fewest}; "
                f"set more agents or smaller options"
            )
        severe = votes.voted & (votes.wrong_tokens.max(axis=2) > self.wrong_tokens)
        solvers = (votes.voted & votes.solves).sum(axis=1)
        failures = severe.sum(axis=1)
        keep = (solvers >= self.perfect) & (failures >= self.failing)
        alone = keep & (failures == 1)
        dissenter = np.where(alone, severe.argmax(axis=1), -1).astype(np.int16)
        pairs = zip(solvers.tolist(), failures.tolist(), strict=True)
        return Decision(keep, dissenter, [self._reason(*pair) for pair in pairs])

    def describe(self, n_agents: int) -> str:
        perfect, failing, most = map(in_words, (self.perfect, self.failing, self.wrong_tokens))
        return (
            f"at least {perfect} voters solve it in every direction "
            f"and at least {failing} get more than {most} tokens wrong in one"
        )

    def _reason(self, solvers: int, failures: int) -> str:
        if solvers < self.perfect:
            return f"too hard: {solvers} solver{'' if solvers == 1 else 's'}"
        if failures < self.failing:
            return f"too easy: {failures} severe failure{'' if failures == 1 else 's'}"
        return "kept"
