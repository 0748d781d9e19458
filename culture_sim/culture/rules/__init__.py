"""Consensus rules: which of the quizzes that agents propose become culture.

A rule is a pure function from votes to a decision, made from its options: one rule is one file in
this package, a frozen dataclass whose fields are the options and whose call is the function. A rule
that cannot judge as many voters as it is given raises UserError.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Protocol

from culture_sim.culture.votes import Decision, VoteTable
from world import Registry
from world.core.errors import UserError


class Rule(Protocol):
    """What judges votes."""

    def __call__(self, votes: VoteTable) -> Decision:
        """The decision on each quiz of the table; the order of its quizzes plays no part."""
        ...


rules: Registry[Callable[..., Rule]] = Registry("rule", "culture_sim.culture.rules")


def make_rule(name: str, options: Mapping[str, float] | None = None) -> Rule:
    """The rule registered as ``name`` with these options, the others at their defaults.

    Raises UserError for a name or an option that is not known, and for a value that the rule
    refuses.
    """
    kind: Any = rules[name]
    known: dict[str, Any] = {field.name: type(field.default) for field in fields(kind)}
    given = options or {}
    for option, value in given.items():
        if option not in known:
            some = f"; known: {', '.join(known)}" if known else "; it has none"
            raise UserError(f"rule {name!r} has no option {option!r}{some}")
        if not math.isfinite(value) or (known[option] is int and value != int(value)):
            words = "a whole number" if known[option] is int else "a finite number"
            raise UserError(f"option {option!r} of rule {name!r} must be {words}, got {value}")
    made: Rule = kind(**{option: known[option](value) for option, value in given.items()})
    return made


__all__ = ["Rule", "make_rule", "rules"]
