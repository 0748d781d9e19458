"""What is counted of the tables, and how it is shown in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from rich.table import Table

from sae.comparison.significance import MAX_Q
from sae.statistics.false_discovery import false_discovery

TIMES = 10.0
"""A feature that fires more than so many times as often on one group is called that group's."""


def with_q(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """The table with a column q: false discoveries among all tests of one group of rows."""
    parts = [
        rows.assign(q=false_discovery(rows.p.to_numpy(np.float64))) for _, rows in table.groupby(by)
    ]
    return pd.concat(parts).sort_index()


def figures_of(occurs: pd.DataFrame, departures: pd.DataFrame) -> dict[str, Any]:
    """The tables in numbers, with discoveries at q <= 0.05."""
    return {
        "occurrence": [
            {"groups": str(groups), "agent": int(agent), **_counted(rows)}
            for (groups, agent), rows in occurs.groupby(["groups", "agent"], sort=False)
        ],
        "departures": [
            {
                "origin": str(origin),
                "tested": int(rows.p.notna().sum()),
                "silent": int(((rows.q <= MAX_Q) & (rows.difference < 0)).sum()),
                "loud": int(((rows.q <= MAX_Q) & (rows.difference > 0)).sum()),
            }
            for origin, rows in departures.groupby("origin", sort=False)
        ],
    }


def _counted(rows: pd.DataFrame) -> dict[str, int]:
    real = rows.q <= MAX_Q
    return {
        "tested": int(rows.p.notna().sum()),
        "more": int((real & (rows.difference > 0)).sum()),
        "less": int((real & (rows.difference < 0)).sum()),
        "times_more": int((real & (rows.share > TIMES * rows.share_other)).sum()),
        "times_less": int((real & (rows.share_other > TIMES * rows.share)).sum()),
        "only": int((real & (rows.quizzes_other == 0)).sum()),
    }


def tables_of(figures: dict[str, Any]) -> Iterator[Table]:
    """What the command shows."""
    yield _asked(figures)
    yield _occurs(figures["occurrence"])
    yield _dissent(figures["dissent"])
    yield _departs(figures["departures"])


def _asked(figures: dict[str, Any]) -> Table:
    table = Table(
        "of the", "asked", "failed by none", "by one", "by more", "dissenters by agent",
        "variance SAEs explain", title="Quizzes that the agents were asked", title_justify="left",
    )  # fmt: skip
    for origin, counts in figures["asked"].items():
        rows = [row for row in figures["quality"] if row["origin"] == origin]
        explained = [row["explained_variance"] for row in rows]
        table.add_row(
            origin,
            *_failing(counts),
            ", ".join(map(str, counts["dissenters"])) if "dissenters" in counts else "-",
            f"{min(explained):.3f} to {max(explained):.3f}" if explained else "-",
        )
        for reason, part in counts.get("by_reason", {}).items():
            table.add_row(f"  {reason}", *_failing(part), "-", "-")
    return table


def _failing(counts: dict[str, int]) -> list[str]:
    keys = ("quizzes", "failed_by_none", "failed_by_one", "failed_by_more")
    return [f"{counts[key]:,}" for key in keys]


def _occurs(rows: list[dict[str, Any]]) -> Table:
    table = Table(
        "groups", "tested", "more often", "less often", f"{TIMES:g}x more", f"{TIMES:g}x less",
        "only there", title_justify="left",
        title="Features that fire more on one group of quizzes, from the least agent to the most",
    )  # fmt: skip
    keys = ("tested", "more", "less", "times_more", "times_less", "only")
    for name in dict.fromkeys(row["groups"] for row in rows):
        agents = [row for row in rows if row["groups"] == name]
        table.add_row(_words(name), *(_range([row[key] for row in agents]) for key in keys))
    return table


def _range(counts: list[int]) -> str:
    least, greatest = min(counts), max(counts)
    return f"{least:,}" if least == greatest else f"{least:,} to {greatest:,}"


def _dissent(rows: list[dict[str, Any]]) -> Table:
    table = Table(
        "of the", "tokens", "measure", "contrast", "95 % interval", "p", "quizzes",
        title="Solvers towards the dissenter, less towards each other", title_justify="left",
    )  # fmt: skip
    for row in rows:
        figures = ["-", "-", "-", "0"]
        if "mean" in row:
            interval = f"{row['low']:+.4f} to {row['high']:+.4f}"
            figures = [f"{row['mean']:+.4f}", interval, f"{row['p']:.4f}", f"{row['quizzes']:,}"]
        table.add_row(_words(row["origin"]), row["region"], row["measure"], *figures)
    return table


def _departs(rows: list[dict[str, Any]]) -> Table:
    table = Table(
        "of the", "families tested", "dissenter's fires less", "more",
        title="Families whose member in the dissenter fires otherwise", title_justify="left",
    )  # fmt: skip
    for row in rows:
        counts = (f"{row[key]:,}" for key in ("tested", "silent", "loud"))
        table.add_row(_words(row["origin"]), *counts)
    return table


def _words(name: str) -> str:
    return name.replace("_", " ")
