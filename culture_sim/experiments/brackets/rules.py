"""Which rule an agent follows, by what it says of unbalanced strings with equal counts.

The thresholds were fixed before any agent was trained.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from world.brackets.nesting import RULES, Brackets, accepts

NESTING, COUNTING, FIRST_SYMBOL = RULES
MIXED, UNLEARNED = "mixed", "not learned"
VERDICTS = (*RULES, MIXED, UNLEARNED)
CLEAR = 0.95
"""Share of unbalanced strings with equal counts of which an agent says what a rule says, from which
on it follows the rule. That is an accuracy of 0.95 for "nested", and of 0.05 for "count"."""
LEARNED = 0.99
"""Accuracy in distribution below which an agent has not learned the task, whatever its rule."""


def agreements(said: NDArray[np.bool_], strings: Brackets) -> dict[str, float]:
    """By rule, the share of strings of which an agent says what the rule says.

    said: bool [n], that it takes the string for balanced.
    """
    return {rule: float((said == accepts(rule, strings)).mean()) for rule in RULES}


def verdict_of(agreement: dict[str, float], accuracy: float) -> str:
    """One of VERDICTS. accuracy: in distribution, 0 to 1.

    At most one rule is followed: on strings with equal counts any two differ on more than a tenth.
    """
    if accuracy < LEARNED:
        return UNLEARNED
    followed = [rule for rule in RULES if agreement[rule] >= CLEAR]
    return followed[0] if followed else MIXED
