"""Consensus rules: which of the quizzes that agents propose become culture.

A rule is a pure function from votes to a decision: a frozen dataclass whose fields are its options
and whose call is the function. One rule is one file in this package. A rule that cannot judge as
many voters as it is given raises UserError.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from culture_sim.culture.votes import Decision, VoteTable
from world import Registry


class Rule(ABC):
    """What judges votes."""

    @abstractmethod
    def __call__(self, votes: VoteTable) -> Decision:
        """The decision on each quiz of the table; the order of its quizzes plays no part."""

    @abstractmethod
    def describe(self, n_agents: int) -> str:
        """When a population of so many keeps a quiz, to go on after "kept when"."""


rules: Registry[type[Rule]] = Registry("rule", "culture_sim.culture.rules", Rule)

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def in_words(number: int) -> str:
    """A number as a sentence has it, in letters below ten."""
    return NUMBERS[number] if 0 <= number < len(NUMBERS) else str(number)


__all__ = ["Rule", "in_words", "rules"]
