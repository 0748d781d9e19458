"""Accuracy that falls and stays down: told apart from the noise of an examination.

An evaluation counts as fallen when all of its interval is below FALL times all of the best one's,
so that chance alone hardly ever does it, on however few quizzes. PATIENCE of them in a row are an
alarm: a healthy agent whose mix of quizzes changes, as at the start of a round, is back by then.
"""

from __future__ import annotations

from dataclasses import replace

from agents.evaluation import Evaluation
from culture_sim.run.state import AgentState

FALL = 0.8
"""Of the best accuracy; healthy curves were never seen below 0.9 of it."""
PATIENCE = 5
"""Fallen evaluations in a row that raise the alarm."""


def watched(state: AgentState, found: Evaluation) -> AgentState:
    """The state after another validation."""
    fallen = state.fallen + 1 if found.high < FALL * state.best else 0
    return replace(state, best=max(state.best, found.low), fallen=fallen)


def collapse(state: AgentState) -> str | None:
    """One sentence when a validation makes a collapse of it; once for each."""
    if state.fallen != PATIENCE or state.validation is None:
        return None
    return (
        f"agent {state.agent} answers {state.validation.accuracy:.1%} of unseen quizzes after "
        f"{state.quizzes:,}, and has answered more than {state.best:.0%}; its last {PATIENCE} "
        f"evaluations were all far below that: a lower --train.learning-rate may help"
    )
