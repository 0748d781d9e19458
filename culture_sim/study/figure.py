"""The study as a picture: how far each arm ends from the control, seed by seed.

Above accuracies, in percentage points, below losses, in nats a token of the answer.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from culture_sim.study.arms import CONTROL
from culture_sim.study.results import EXAMS, LOSS
from world.core.files import replacing

POINTS = 100.0
"""Accuracies are drawn in percentage points."""


def draw(compared: list[dict[str, Any]], path: Path) -> None:
    """Write an SVG: panels by exam and measure, a dot a seed, the mean and its interval."""
    shown = [row for row in compared if row["by_seed"] is not None and row["arm"] != CONTROL]
    measured = {row["measure"] for row in shown}
    exams = [name for name in EXAMS if name in measured] or list(EXAMS)[:1]
    # Equal results give equal bytes: no date, and names of elements that do not change.
    with mpl.rc_context({"svg.hashsalt": "culture-sim", "svg.fonttype": "none"}):
        figure = Figure(figsize=(3.2 * len(exams), 5.6), layout="constrained")
        panels = figure.subplots(2, len(exams), squeeze=False, sharex=True)
        for column, exam in enumerate(exams):
            panels[0, column].set_title(EXAMS[exam], fontsize=9)
            for row, (name, scale) in enumerate(((exam, POINTS), (LOSS.format(exam), 1.0))):
                _panel(panels[row, column], [r for r in shown if r["measure"] == name], scale)
        panels[0, 0].set_ylabel("accuracy: points above no culture", fontsize=8)
        panels[1, 0].set_ylabel("loss: nats a token above no culture", fontsize=8)
        with replacing(path) as aside, aside.open("wb") as file:
            figure.savefig(file, format="svg", metadata={"Date": None})


def _panel(panel: Any, rows: list[dict[str, Any]], scale: float) -> None:
    panel.axhline(0, color="0.6", linewidth=1)
    for place, row in enumerate(rows):
        against = row["against_control"]
        dots = [scale * value for value in row["by_seed"]]
        panel.plot([place + 0.15] * len(dots), dots, "o", color="0.6", markersize=4)
        error = None
        if against["low"] is not None:
            reach = scale * (against["high"] - against["value"])
            error = [[reach], [reach]]
        panel.errorbar(place, scale * against["value"], error, fmt="o", color="black", capsize=3)
    panel.set_xticks(range(len(rows)), [row["arm"] for row in rows], rotation=30, ha="right")
    panel.tick_params(labelsize=8)
    panel.set_xlim(-0.5, max(len(rows), 1) - 0.5)
