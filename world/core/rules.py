"""How a quiz that nobody drew is explained by the rules of a world."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from world.core.batch import QuizBatch
from world.core.world import World


class ExplainedBy(StrEnum):
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

    kind: ExplainedBy
    tasks: tuple[str, ...] = ()


@runtime_checkable
class ExplainedWorld(Protocol):
    """A world whose rules can judge any quiz, whoever made it."""

    def explain(self, batch: QuizBatch) -> list[Explanation]:
        """How the world's own tasks explain each quiz; every quiz that it draws is explained."""
        ...

    def follows(self, batch: QuizBatch, task: str) -> NDArray[np.bool_]:
        """bool [B]: whether each quiz obeys the rule of a task, learned from its example."""
        ...

    def rule_answers(self, batch: QuizBatch) -> list[NDArray[np.unsignedinteger]]:
        """For each quiz [n, T], in layout 0: the quiz with every answer that a rule of the world's
        tasks gives which explains its example."""
        ...

    def held_out_world(self) -> World | None:
        """The same world with the tasks that agents are examined on and never trained on; None
        where it has none."""
        ...
