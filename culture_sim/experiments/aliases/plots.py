"""The figures of the page."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from culture_sim.experiments.aliases import LEARNED
from culture_sim.experiments.aliases.agent import accuracy
from culture_sim.experiments.aliases.arms import ALONE, ARMS, LINKED
from culture_sim.experiments.aliases.results import Found

COLOURS = dict(
    zip(ARMS, ("#999999", "#e69f00", "#0072b2", "#d55e00", "#56b4e9", "#009e73"), strict=True)
)
"""Okabe and Ito's (2008), by arm."""
CELLS = ListedColormap(["#e69f00", "#0072b2", "#ececea"])
"""Of cells that are not answered, that are, and that are trained on."""


def by_share(figure: Figure, found: Found) -> None:
    """Final accuracy over the share held out: a line through means of one table alone."""
    axes = figure.subplots()
    for arm, colour in COLOURS.items():
        shares = found.options.shares if arm == ALONE else found.compared
        finals = [found.final(arm, share) for share in shares]
        offset = 0.003 * (list(ARMS).index(arm) - 2.5)  # so that points do not hide each other
        for share, values in zip(shares, finals, strict=True):
            axes.plot(np.full(len(values), share + offset), values, ".", color=colour)
        if arm == ALONE:
            axes.plot(shares, [values.mean() for values in finals], color=colour, linewidth=1)
        axes.plot([], [], ".", color=colour, label=arm)
    axes.axhline(LEARNED, color="#cccccc", linewidth=0.8)
    axes.set_xlabel("share of the cells held out")
    axes.set_ylabel("held-out numbers answered")
    axes.legend(fontsize=7, frameon=False)


def courses(figure: Figure, found: Found) -> None:
    """Accuracy over steps, a panel a share."""
    panels = figure.subplots(1, len(found.compared), sharey=True, squeeze=False)[0]
    for axes, share in zip(panels, found.compared, strict=True):
        for arm, colour in COLOURS.items():
            for curve in found.of(arm, share):
                steps = [point["steps"] for point in curve]
                values = [accuracy(point) for point in curve]
                axes.plot(steps, values, color=colour, linewidth=1, alpha=0.8)
            axes.plot([], [], color=colour, label=arm)
        axes.set_title(f"{share:.0%} held out", fontsize=8)
        axes.set_xlabel("steps")
    panels[0].set_ylabel("held-out numbers answered")
    panels[0].legend(fontsize=6, frameon=False)


def alignments(figure: Figure, found: Found) -> None:
    """Alignment and accuracy of linked agents over steps, a panel a share."""
    panels = figure.subplots(1, len(found.compared), sharey=True, squeeze=False)[0]
    for axes, share in zip(panels, found.compared, strict=True):
        for curve in found.of(LINKED, share):
            steps = [point["steps"] for point in curve]
            alike = [p["alignment"]["linked"] - p["alignment"]["any"] for p in curve]
            axes.plot(steps, alike, color=COLOURS[LINKED], linewidth=1)
            axes.plot(steps, [accuracy(p) for p in curve], "--", color=COLOURS[LINKED], linewidth=1)
        axes.set_title(f"{share:.0%} held out", fontsize=8)
        axes.set_xlabel("steps")
    panels[0].set_ylabel("cosine; share")


def tables(figure: Figure, pictures: Mapping[str, NDArray[np.int8]]) -> None:
    """Whole tables side by side."""
    panels = figure.subplots(1, len(pictures), squeeze=False)[0]
    for axes, (arm, picture) in zip(panels, pictures.items(), strict=True):
        axes.imshow(picture, cmap=CELLS, vmin=0, vmax=2, interpolation="nearest")
        axes.set_title(arm, fontsize=8)
        axes.set_xlabel("y")
    panels[0].set_ylabel("x")
