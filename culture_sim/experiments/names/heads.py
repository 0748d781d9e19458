"""Which heads are of which kind, by thresholds fixed beforehand."""

from __future__ import annotations

from collections.abc import Mapping

from agents.circuits.statistics import Interval

MOVER, SUPPRESSOR, BOTH_NAMES, NEGATIVE, INHIBITION, DUPLICATE, INDUCTION, PREVIOUS = KINDS = (
    "name mover",
    "S suppressor",
    "mover of both names",
    "negative mover",
    "S-inhibition head",
    "duplicate-token head",
    "induction head",
    "previous-token head",
)
DIRECT, QUERIES = "direct", "through movers' queries"
"""Effects on the logits of what a part writes at the end, when the other of the two gives: read by
the logits alone, and by the queries of the name movers alone. Below 0 the part works for IO."""
RAISES_IO, RAISES_S = "raises io", "raises s"
"""What a head's output at the end adds to either name's logit, beside the mean of all names, that
it does not add on sentences of two other names; as a share of the difference of logits."""
TO_IO, TO_S1, TO_S2 = "end to io", "end to s1", "end to s2"
"""Attention from the end, weighted by the length of what is moved."""
REPEATED, FOLLOWED = "s2 to s1", "s2 to the word after s1"
"""Attention from S2, less that to IO and to the word after it, which have nothing of a repetition
and stand in either order as often."""
PREVIOUS_SCORE = "previous"
"""Mean attention to the position before, on words at random."""
MARGIN = 0.1
"""Share of the difference of logits, or of an attention, below which an effect is none."""
LOOKS = 0.3
"""Least attention from S2 of duplicate-token and induction heads."""
STEPS_BACK = 0.5
"""Least mean attention to the position before of previous-token heads."""


def kinds_of(
    numbers: Mapping[str, Interval], scores: Mapping[str, float], margin: float = MARGIN
) -> tuple[str, ...]:
    """The kinds of a head, several or none; a measure that is missing makes it of no kind.

    margin: of effects on the logits. What works for IO is a mover if it raises IO more than it
    lowers S, else it suppresses S.
    """
    found = []
    direct = numbers[DIRECT]
    if direct.high < -margin:
        moves = numbers[RAISES_IO].mean > -numbers[RAISES_S].mean
        found.append(MOVER if moves else SUPPRESSOR)
    if min(numbers[RAISES_IO].low, numbers[RAISES_S].low) > margin:
        found.append(BOTH_NAMES)
    if direct.low > margin:
        found.append(NEGATIVE)
    if QUERIES in numbers and numbers[QUERIES].high < -margin:
        found.append(INHIBITION)
    for kind, looks in ((DUPLICATE, REPEATED), (INDUCTION, FOLLOWED)):
        if looks in numbers and numbers[looks].low > LOOKS:
            found.append(kind)
    if scores[PREVIOUS_SCORE] > STEPS_BACK:
        found.append(PREVIOUS)
    return tuple(found)
