"""The figures of the experiment; each function draws onto an empty figure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from culture_sim.experiments.birds import ARMS
from culture_sim.experiments.birds.drift import KEPT, PROPOSED
from culture_sim.experiments.birds.results import over_seeds

COLOURS = ("#999999", "#e69f00", "#0072b2", "#009e73", "#d55e00")
"""Okabe and Ito's (2008)."""
ARM_COLOURS = dict(zip(ARMS, COLOURS, strict=False))
LINES = {PROPOSED: "--", KEPT: "-"}
DRAWN = {
    "birds": "birds, of quizzes that fly",
    "more birds": "more birds than learned, share",
    "occluded": "a bird partly hidden, share",
    "flies": "fly by the law, share of all",
    "illegal": "show what is no bird, share",
    "strays": "shapes that are no bird",
}
"""Measures of drift that are drawn."""


def accuracy_plot(figure: Figure, table: pd.DataFrame, by: Sequence[str]) -> None:
    """Accuracy in the agents' world by several things, forward and backward."""
    panels = figure.subplots(1, len(by), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, by, strict=True):
        some = table[table["by"] == name]
        for colour, direction in zip(COLOURS[2:], ("forward", "backward"), strict=False):
            told = over_seeds(some[some["direction"] == direction], ["group"])
            points = told.assign(x=told["group"].astype(int)).sort_values("x")
            _line(axes, points, colour, "-", direction)
        axes.set_xlabel(name)
        axes.xaxis.get_major_locator().set_params(integer=True)
    panels[0].set_ylabel("answered exactly, share")
    _legend(panels[-1])


def drift_plot(figure: Figure, drift: pd.DataFrame) -> None:
    """What is proposed (dashed) and kept, by round and arm."""
    panels = figure.subplots(2, 3, sharex=True).ravel()
    for axes, (measure, title) in zip(panels, DRAWN.items(), strict=True):
        for arm, colour in ARM_COLOURS.items():
            for quizzes, line in LINES.items():
                chosen = (drift["arm"] == arm) & (drift["quizzes"] == quizzes)
                some = drift[chosen & (drift["measure"] == measure)]
                points = over_seeds(some, ["round"]).rename(columns={"round": "x"})
                _line(axes, points, colour, line, f"{arm}, {quizzes}")
        axes.set_title(title, fontsize=8)
        axes.xaxis.get_major_locator().set_params(integer=True)
    for axes in panels[3:]:
        axes.set_xlabel("round")
    _legend(panels[0])


def patching_plot(figure: Figure, patched: pd.DataFrame, measure: str) -> None:
    """By site, what becomes of the answer's cells when the bird's cells are patched."""
    panels = figure.subplots(1, 2, sharey=True)
    sites = list(dict.fromkeys(patched["site"]))
    of = patched[(patched["measure"] == measure) & (patched["place"] == "the bird")]
    for axes, direction in zip(panels, ("forward", "backward"), strict=True):
        some = of[of["direction"] == direction]
        for colour, cells in zip(COLOURS, dict.fromkeys(some["group"]), strict=False):
            told = over_seeds(some[some["group"] == cells], ["site"])
            points = told.assign(x=[sites.index(site) for site in told["site"]])
            _line(axes, points, colour, "-", cells)
        axes.set_title(direction, fontsize=8)
        axes.set_xticks(range(len(sites)), [short(site) for site in sites], rotation=45)
    panels[0].set_ylabel(measure)
    _legend(panels[0], "cells of the answer")


def probes_plot(figure: Figure, probed: pd.DataFrame, targets: Sequence[str]) -> None:
    """By site, what a probe reads, and its controls; one row a moment."""
    moments = list(dict.fromkeys(probed["place"]))
    panels = figure.subplots(len(moments), len(targets), sharex=True, squeeze=False)
    sites = list(dict.fromkeys(probed["site"]))
    whole = probed[~probed["probe"].str.contains(" less ", regex=False)]
    for line, moment in enumerate(moments):
        for axes, target in zip(panels[line], targets, strict=True):
            some = whole[(whole["place"] == moment) & (whole["group"] == target)]
            for colour, probe in zip(COLOURS[::-1], dict.fromkeys(some["probe"]), strict=False):
                told = over_seeds(some[some["probe"] == probe], ["site"])
                points = told.assign(x=[sites.index(site) for site in told["site"]])
                _line(axes, points, colour, "-", probe)
            if line == 0:
                axes.set_title(target, fontsize=8)
            axes.set_xticks(range(len(sites)), [short(site) for site in sites], rotation=45)
            axes.tick_params(labelsize=6)
        panels[line, 0].set_ylabel(moment, fontsize=7)
    _legend(panels[0, 0])


def short(site: str) -> str:
    """A site as it stands on an axis, as in "0 mid"."""
    _, block, name = site.split(".")
    return f"{block} {name.removeprefix('hook_resid_')}"


def _legend(axes: Axes, title: str | None = None) -> None:
    """Of the lines that there are, if any."""
    if axes.lines:
        axes.legend(title=title, fontsize=6, title_fontsize=6, frameon=False)


def _line(axes: Axes, points: pd.DataFrame, colour: str, line: str, label: str) -> None:
    """Means with their intervals, where there is more than one seed."""
    if points.empty:
        return
    x = points["x"].to_numpy(dtype=np.float64)
    axes.plot(x, points["value"], line, color=colour, marker=".", linewidth=1.2, label=label)
    axes.fill_between(x, points["low"], points["high"], color=colour, alpha=0.12, linewidth=0)
