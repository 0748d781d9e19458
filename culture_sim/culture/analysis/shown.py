"""What ``culture-sim analyze`` shows of its figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.table import Table

from culture_sim.culture.analysis.summary import MEASURES
from culture_sim.culture.analysis.table import GROUPS
from world.core.rules import ExplainedBy

RIVALS = {
    "contested": "another is about as likely to agents",
    "same_rival": "several give the same other one",
    "other_by_rule": "a rule gives another",
}
"""What speaks for another answer, as it is shown."""


def shown_of(summary: dict[str, Any], counts: Iterable[str]) -> tuple[Table, Table, str]:
    """How quizzes are explained, how new and hard they are, and who dissents.

    counts: what the world counts in a quiz, by name.
    """
    measured = _measured(summary, (*MEASURES, *counts))
    return _explained(summary), measured, _dissent(summary["dissent"])


def _explained(summary: dict[str, Any]) -> Table:
    table = Table("quizzes", *GROUPS, title="How they are explained", title_justify="left")
    groups = [summary["groups"][name] for name in GROUPS]
    table.add_row("looked at", *(f"{group['quizzes']:,}" for group in groups))
    for kind in ExplainedBy:
        table.add_row(kind.value, *(_share(group["explained"][kind.value]) for group in groups))
    for name, what in RIVALS.items():
        table.add_row(what, *(_share(group[name]) for group in groups))
    return table


def _measured(summary: dict[str, Any], measures: Sequence[str]) -> Table:
    table = Table("mean", *GROUPS, title="How new and how hard they are", title_justify="left")
    groups = [summary["groups"][name] for name in GROUPS]
    for name in measures:
        table.add_row(name.replace("_", " "), *(_mean(group[name]) for group in groups))
    return table


def _share(share: dict[str, float] | None) -> str:
    if share is None:
        return "-"
    return f"{share['value']:.1%} ({share['low']:.1%} to {share['high']:.1%})"


def _mean(mean: dict[str, float] | None) -> str:
    if mean is None:
        return "-"
    return f"{mean['value']:.2f} ({mean['low']:.2f} to {mean['high']:.2f})"


def _dissent(dissent: dict[str, Any]) -> str:
    """The tests in one sentence."""
    if not dissent["quizzes"]:
        return "No kept quiz has a single dissenter."
    by_agent = [sum(column) for column in zip(*dissent["matrix"], strict=True)]
    tests = [
        f"{name}: p = {p:.2g}" if p is not None else f"{name}: too few quizzes to test"
        for name, p in (
            ("all alike", dissent["uniform"]["p"]),
            ("whoever proposed", dissent["association"]["p"]),
        )
    ]
    return (
        f"Dissenters, by agent: {', '.join(map(str, by_agent))}; {dissent['own']} on their own "
        f"quizzes. On those of others, {'; '.join(tests)}."
    )
