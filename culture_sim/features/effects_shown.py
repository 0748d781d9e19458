"""What ``culture-sim effects`` shows of its figures."""

from __future__ import annotations

from typing import Any

from rich.table import Table

LESS = " - "
"""Between the two figures of a difference within pairs, in its name."""


def tables_of(figures: dict[str, Any]) -> list[Table]:
    """Features by agent, families, differences within pairs, and single figures, to print.

    Single figures are of different pairs, so that one less another is no difference within pairs.
    """
    contrast = "Do matched features do the same? The match less a control, within the same pairs"
    single = "Single figures, each of all pairs that have it"
    return [
        _features(figures),
        _families(figures["family_effects"]),
        _figures(figures, contrast, differences=True),
        _figures(figures, single, differences=False),
    ]


def _features(figures: dict[str, Any]) -> Table:
    table = Table(
        "agent", "factor", "features", "change an answer", "lower accuracy", "raise it",
        "consequential", title="What single features do", title_justify="left",
    )  # fmt: skip
    keys = ("changes_an_answer", "lowers_accuracy", "raises_accuracy", "consequential")
    for row in figures["features"]:
        shown = ("-" if row[key] is None else f"{row[key]:,}" for key in keys)
        table.add_row(str(row["agent"]), f"{row['factor']:g}", f"{row['features']:,}", *shown)
    return table


def _families(figures: dict[str, Any]) -> Table:
    table = Table(
        "families", "lower accuracy", "raise it", title_justify="left",
        title=f"What families do (q <= {figures['max_q']:g})",
    )  # fmt: skip
    keys = ("families", "lowers_accuracy", "raises_accuracy")
    table.add_row(*(f"{figures[key]:,}" for key in keys))
    return table


def _figures(figures: dict[str, Any], title: str, differences: bool) -> Table:
    table = Table(
        "figure", "value", "95 % interval", "pairs", "families", title=title, title_justify="left"
    )
    for name, what in (("fingerprints", "r of fingerprints"), ("substitution", "recovered")):
        for row in figures[name]:
            if (LESS in row["figure"]) == differences:
                interval = f"{row['low']:.2f} to {row['high']:.2f}"
                counts = f"{row['pairs']:,}", f"{row['groups']:,}"
                table.add_row(f"{what}: {row['figure']}", f"{row['value']:.2f}", interval, *counts)
    return table
