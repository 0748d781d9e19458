"""What ``culture-sim circuits`` shows of its figures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.table import Table

from sae.effects.exchange import QUERIES

PARTS = {"head": "heads", "mlp": "MLPs"}
Tree = dict[str, Any]


def tables_of(figures: Tree) -> list[Table]:
    """Agents, pairs, agents before and after, features; those that there are."""
    shown = [_agents(figures["agents"]), _pairs(figures["pairs"], "Do agents' heads do the same?")]
    if figures["culture"]:
        shown.append(_pairs(figures["culture"], "Do an agent's heads do what they did before?"))
    if figures["features"]:
        shown += [_features(figures["features"]), _shared(figures["features"]["shared"])]
    return shown


def number(value: float | None, digits: int = 2) -> str:
    """A dash for what there is none of."""
    return "-" if value is None or value != value else f"{value:.{digits}f}"


def _between(ends: Iterable[float] | None) -> str:
    return "-" if ends is None else " to ".join(number(end) for end in ends)


def _agents(rows: list[Tree]) -> Table:
    table = Table(
        "agent", "difference of logits", "answer preferred", "noise", "parts with an effect",
        title="What the agents' parts do", title_justify="left",
    )  # fmt: skip
    for of in rows:
        table.add_row(
            str(of["agent"]),
            number(of["difference"]),
            f"{of['preferred']:.0%}",
            number(of["noise"], 3),
            f"{len(of['active'])} of {of['parts']}: {', '.join(of['active'])}",
        )
    return table


def _pairs(rows: list[Tree], title: str) -> Table:
    table = Table(
        "of", "parts", "cosine", "95 % interval", "null", "p", "ceiling", "of the room",
        "95 % interval", title=title, title_justify="left",
    )  # fmt: skip
    for of in rows:
        who = f"{of['agent_a']} and {of['agent_b']}" if "agent_a" in of else f"{of['agent']}"
        table.add_row(
            who,
            PARTS[of["part"]],
            number(of["between"]),
            _between(of["between_interval"]),
            number(of["null"]),
            number(max(of["p"].values()), 3),
            number(of["ceiling"]),
            number(of["value"]),
            _between(of["interval"]),
        )
    return table


def _features(figures: Tree) -> Table:
    table = Table(
        "agent", "told to queries", "95 % interval", "carriers", "left out", "first 8 features",
        "8 others", title=f"Features that tell it ({figures['site']})", title_justify="left",
    )  # fmt: skip
    for of in figures["agents"]:
        told = of[QUERIES]
        eight = next((top for top in told["top"] if top["features"] == 8), None)
        table.add_row(
            str(of["agent"]),
            number(told["whole"]),
            _between(told["interval"]),
            f"{len(of['carriers'])} of {told['changing']}",
            number(told["left_out"]),
            number(eight and eight["share"]),
            number(eight and eight["others"]),
        )
    return table


def _shared(rows: list[Tree]) -> Table:
    table = Table(
        "features that tell it are", "of them", "of others that fire as often", "difference",
        "95 % interval", "features", title="Are they shared?", title_justify="left",
    )  # fmt: skip
    for of in rows:
        table.add_row(
            of["what"],
            number(of["of_features"]),
            number(of["of_others"]),
            number(of["difference"]),
            _between(of["interval"]),
            f"{of['features']:,}",
        )
    return table
