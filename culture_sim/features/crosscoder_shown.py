"""What ``culture-sim crosscoder`` shows of its figures."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from culture_sim.features.crosscoder import MIN_R
from sae.crosscoder.controls import CONTROLS

ALONE = {
    "no_family": "in no family of matches",
    "unique": "unique in every other agent",
}
"""What matching may call a feature of an agent's own SAE."""


def shown_of(figures: dict[str, Any]) -> tuple[Table, str]:
    """What is shared, by control, and what it says of features that matching leaves alone."""
    return _table(figures["found"]), _sentence(figures["alone"])


def _table(summaries: dict[str, dict[str, Any]]) -> Table:
    table = Table(
        "agents", "features judged", "shared by all", "by some", "unique", "exclusive in cells",
        title="What a dictionary common to all agents shares", title_justify="left",
    )  # fmt: skip
    for control, figures in summaries.items():
        keys = ("judged", "shared", "partial", "unique", "exclusive_within")
        table.add_row(CONTROLS[control], *(f"{figures[key]:,}" for key in keys))
    return table


def _sentence(alone: dict[str, Any]) -> str:
    parts = [
        f"Of {counts['features']:,} features of the agents' own SAEs that are {ALONE[name]}, "
        f"{counts['partners']:,} have a partner in the crosscoder (r >= {MIN_R}), which gives "
        f"{counts['unique']:,} of those to one agent alone."
        for name, counts in alone.items()
    ]
    return " ".join([*parts, "Of features without a partner it says nothing."])
