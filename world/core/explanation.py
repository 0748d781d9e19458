"""How a quiz that nobody drew is explained by the tasks of a world."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a quiz is explained; the first that applies."""

    TASK = "one task"
    BACKWARDS = "one task, backwards"
    SEQUENCE = "two rules in sequence"
    MISMATCH = "a rule for each pair"
    HALF = "a rule for one pair only"
    NONE = "no rule"


@dataclass(frozen=True)
class Explanation:
    """How a quiz is explained, and the names of the tasks whose rules do it, in their order."""

    kind: Kind
    tasks: tuple[str, ...] = ()
