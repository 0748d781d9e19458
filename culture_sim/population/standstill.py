"""Accuracy that does not rise: rates that are far too high may leave all numbers finite.

Muon's steps are as long as its rate says, whatever the gradient. With a rate far too high the
matrices of a network with norms are others after every step, embeddings and output learn what
can be guessed, and no loss gives that away.
"""

from __future__ import annotations

from agents.config import TrainConfig
from agents.divergence import raised_options
from culture_sim.run.state import AgentState

SPENT = 0.25
"""Share of the budget after which accuracy should have risen; healthy agents need a tenth."""
FEWEST = 5
"""Evaluations before which nothing is said."""
RISEN = 0.1
"""Of the target: more than this is a rise."""


def standstill(state: AgentState, train: TrainConfig) -> str | None:
    """One sentence, once a round, for an agent that has learned next to nothing by now."""
    spent = state.quizzes - state.round_began
    due = max(SPENT * train.max_quizzes, FEWEST * train.epoch_quizzes)
    if state.validation is None or not spent - train.epoch_quizzes < due <= spent:
        return None
    if state.validation.high >= RISEN * train.target:
        return None
    return (
        f"agent {state.agent} answers {state.validation.accuracy:.1%} of unseen quizzes after "
        f"{spent:,} of at most {train.max_quizzes:,}: it hardly learns, and a lower "
        f"{' or '.join(raised_options(train))} may help"
    )
