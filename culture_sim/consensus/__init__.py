"""Consensus rules: which of the quizzes that agents propose become culture.

A rule is a pure function from votes to a decision. One rule is one file in this package. A rule
that cannot judge the number of agents it is given raises UserError, also on an empty table.
"""

from collections.abc import Callable

from culture_sim.votes import Decision, VoteTable
from world import Registry

Rule = Callable[[VoteTable], Decision]

rules: Registry[Rule] = Registry("rule", "culture_sim.consensus")

__all__ = ["Rule", "rules"]
