"""Which rules explain a quiz of strings, whoever made it."""

from __future__ import annotations

from itertools import product

import numpy as np

from world.core.rules import ExplainedBy, Explanation
from world.strings.task import Strings, StringTask, read, string_tasks

Pair = tuple[list[int], list[int]]


def explain(quiz: Strings, tasks: tuple[str, ...], letters: int) -> Explanation:
    """How strings [4, L + 1] are explained by rules of these tasks."""
    x, fx, z, fz = map(read, quiz)
    rules = {name: string_tasks[name]() for name in tasks}
    for kind, pairs in (
        (ExplainedBy.TASK, ((x, fx), (z, fz))),
        (ExplainedBy.BACKWARDS, ((fx, x), (fz, z))),
    ):
        for name, rule in rules.items():
            if all(rule.verify(*pair, letters) for pair in pairs):
                return Explanation(kind, (name,))
    for first, second in product(rules, repeat=2):
        if _in_sequence(rules[first], rules[second], quiz, letters):
            return Explanation(ExplainedBy.SEQUENCE, (first, second))
    named = [_own_rule(rules, pair, letters) for pair in ((x, fx), (z, fz))]
    known = tuple(name for name in named if name is not None)
    kinds = (ExplainedBy.NONE, ExplainedBy.HALF, ExplainedBy.MISMATCH)
    return Explanation(kinds[len(known)], known)


def _in_sequence(first: StringTask, second: StringTask, quiz: Strings, letters: int) -> bool:
    """Whether the second rule leads from what the first makes of x and z to f(x) and f(z)."""
    questions = quiz[::2]
    if not questions[:, 0].all() or (questions[:, -1] > 0).any():
        return False
    between = first.apply(questions, letters)
    if (between[:, -1] > 0).any():
        return False  # too long for another rule
    return bool(np.array_equal(second.apply(between, letters), quiz[1::2]))


def _own_rule(rules: dict[str, StringTask], pair: Pair, letters: int) -> str | None:
    x, fx = pair
    for name, rule in rules.items():
        if rule.verify(x, fx, letters) or rule.verify(fx, x, letters):
            return name
    return None
