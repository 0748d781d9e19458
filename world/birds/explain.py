"""What the laws of this world say of a quiz, whoever made it."""

from __future__ import annotations

from world.birds.flocks import APART, OVERLAPPING
from world.birds.verifier import Frame, Verdict, judge, overlap
from world.core.rules import ExplainedBy, Explanation

FLOWN = (Verdict.RIGHT, Verdict.AMBIGUOUS)


def explain(first: Frame, last: Frame, speed: int) -> Explanation:
    """Whether birds fly from one frame to the other, named by whether some overlap; or back."""
    for kind, one, other in (
        (ExplainedBy.TASK, first, last),
        (ExplainedBy.BACKWARDS, last, first),
    ):
        verdict = judge(one, other, speed)
        if verdict in FLOWN:
            # Where another flight fits as well, something is hidden.
            hidden = verdict is Verdict.AMBIGUOUS or overlap(one) or overlap(other)
            return Explanation(kind, (OVERLAPPING if hidden else APART,))
    return Explanation(ExplainedBy.NONE)
