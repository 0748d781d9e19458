"""The study as a picture: how far each arm ends from the control, seed by seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from culture_sim.study.arms import CONTROL
from culture_sim.study.results import MEASURES
from world.files import replacing

POINTS = 100.0
"""Accuracies are drawn in percentage points."""


def draw(compared: list[dict[str, Any]], path: Path) -> None:
    """Write an SVG: a panel for each measure, a dot for each seed, the mean and its interval."""
    shown = [row for row in compared if row["by_seed"] is not None and row["arm"] != CONTROL]
    names = [name for name in MEASURES if any(row["measure"] == name for row in shown)]
    # Equal results give equal bytes: no date, and names of elements that do not change.
    with mpl.rc_context({"svg.hashsalt": "culture-sim", "svg.fonttype": "none"}):
        figure = Figure(figsize=(3.2 * max(len(names), 1), 3.2), layout="constrained")
        panels = figure.subplots(1, max(len(names), 1), squeeze=False)[0]
        for panel, name in zip(panels, names, strict=False):
            _panel(panel, [row for row in shown if row["measure"] == name], MEASURES[name])
        with replacing(path) as aside, aside.open("wb") as file:
            figure.savefig(file, format="svg", metadata={"Date": None})


def _panel(panel: Any, rows: list[dict[str, Any]], title: str) -> None:
    panel.axhline(0, color="0.6", linewidth=1)
    for place, row in enumerate(rows):
        against = row["against_control"]
        dots = [POINTS * value for value in row["by_seed"]]
        panel.plot([place + 0.15] * len(dots), dots, "o", color="0.6", markersize=4)
        error = None
        if against["low"] is not None:
            reach = POINTS * (against["high"] - against["value"])
            error = [[reach], [reach]]
        panel.errorbar(place, POINTS * against["value"], error, fmt="o", color="black", capsize=3)
    panel.set_xticks(range(len(rows)), [row["arm"] for row in rows], rotation=30, ha="right")
    panel.set_title(title, fontsize=9)
    panel.set_ylabel("points above no culture", fontsize=8)
    panel.tick_params(labelsize=8)
    panel.set_xlim(-0.5, len(rows) - 0.5)
