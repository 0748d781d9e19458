"""The figures of the page."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from culture_sim.experiments.aliases import LEARNED
from culture_sim.experiments.aliases.agent import accuracy
from culture_sim.experiments.aliases.apart import EXAM, OTHERS
from culture_sim.experiments.aliases.arms import ALONE, ARMS, FEATURED, LINKED, TAGGED, TWO
from culture_sim.experiments.aliases.culture_rows import accuracy as of_population
from culture_sim.experiments.aliases.features import ANSWERED, PAIRINGS, READ
from culture_sim.experiments.aliases.inside import ALL, REST, WAVES
from culture_sim.experiments.aliases.results import Found
from culture_sim.experiments.aliases.rounds import RANDOM
from culture_sim.study.arms import CONTROL, FULL

COLOURS = dict(
    zip(
        ARMS,
        ("#999999", "#e69f00", "#0072b2", "#d55e00", "#56b4e9", "#cc79a7", "#000000", "#009e73"),
        strict=True,
    )
)
"""Okabe and Ito's (2008), by arm."""
WEIGHTED = ("#f0e442", "#882255", "#44aa99", "#332288")
"""Of arms whose links count otherwise, in turn."""
CULTURES = {CONTROL: "#999999", RANDOM: "#e69f00", FULL: "#0072b2"}
"""By arm of culture."""
CELLS = ListedColormap(["#e69f00", "#0072b2", "#ececea"])
"""Of cells that are not answered, that are, and that are trained on."""


def colours_of(arms: Iterable[str]) -> dict[str, str]:
    """By arm, its own, so far as there are as many."""
    others = itertools.cycle(WEIGHTED)
    return {arm: COLOURS[arm] if arm in COLOURS else next(others) for arm in arms}


def by_share(figure: Figure, found: Found) -> None:
    """Final accuracy over the share held out: a line through means of one table alone."""
    axes = figure.subplots()
    for number, (arm, colour) in enumerate(colours_of(found.options.arms).items()):
        shares = found.options.shares if arm == ALONE else found.compared
        finals = [found.final(arm, share) for share in shares]
        offset = 0.003 * (number - 3)  # so that points do not hide each other
        for share, values in zip(shares, finals, strict=True):
            axes.plot(np.full(len(values), share + offset), values, ".", color=colour)
        if arm == ALONE:
            axes.plot(shares, [values.mean() for values in finals], color=colour, linewidth=1)
        axes.plot([], [], ".", color=colour, label=arm)
    axes.axhline(LEARNED, color="#cccccc", linewidth=0.8)
    shares = found.options.shares
    axes.set_xticks(shares, [f"{share:.0%}" for share in shares])
    # Of one share alone matplotlib would show a sliver about it.
    axes.set_xlim(shares[0] - 0.05, shares[-1] + 0.05)
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel("share of the cells held out")
    axes.set_ylabel("held-out numbers answered")
    axes.legend(fontsize=7, frameon=False)


def courses(figure: Figure, found: Found) -> None:
    """Accuracy over steps, a panel a share."""
    panels = figure.subplots(1, len(found.compared), sharey=True, squeeze=False)[0]
    for axes, share in zip(panels, found.compared, strict=True):
        for arm, colour in colours_of(found.options.arms).items():
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


def spectra(figure: Figure, spectra: Mapping[str, Mapping[str, NDArray[np.float64]]]) -> None:
    """Shares by frequency: a row of panels an arm, a panel for whatever waves are of."""
    of = list(dict.fromkeys(name.split(", ")[1] for lines in spectra.values() for name in lines))
    panels = figure.subplots(len(spectra), len(of), sharex=True, sharey=True, squeeze=False)
    for row, (arm, lines) in zip(panels, spectra.items(), strict=True):
        for axes, what in zip(row, of, strict=True):
            for name, values in lines.items():
                whose, place = name.split(", ")
                if place == what:
                    axes.plot(np.arange(1, len(values) + 1), values, linewidth=1, label=whose)
            axes.set_title(f"{arm}: waves of {what}", fontsize=8)
    for axes in panels[-1]:
        axes.set_xlabel("frequency")
    panels[0, 0].legend(fontsize=6, frameon=False)


def progress(figure: Figure, found: Found, share: float) -> None:
    """Losses by step, a panel for whatever waves are of."""
    of = list(found.curves[found.options.agent(ALONE, share, 0)][0]["waves"])
    panels = figure.subplots(1, len(of), sharey=True, squeeze=False)[0]
    for axes, what in zip(panels, of, strict=True):
        for arm in (ALONE, TWO, LINKED):
            curves = found.of(arm, share)
            shortest = min(map(len, curves))
            steps = [point["steps"] for point in curves[0][:shortest]]
            for held, style in ((ALL, "-"), (WAVES, "--"), (REST, ":")):
                losses = [[p["waves"][what][held] for p in c[:shortest]] for c in curves]
                axes.plot(steps, np.mean(losses, axis=0), style, color=COLOURS[arm], linewidth=1)
            axes.plot([], [], color=COLOURS[arm], label=arm)
        axes.set_title(f"waves of {what}", fontsize=8)
        axes.set_xlabel("steps")
    panels[0].set_ylabel("loss (nats)")
    panels[0].legend(fontsize=6, frameon=False)


def features(figure: Figure, found: Found) -> None:
    """How alike features are at numbers and aliases, a panel for where letters are."""
    panels = figure.subplots(1, 2, sharey=True)
    for axes, where in zip(panels, (READ, ANSWERED), strict=True):
        for number, arm in enumerate(FEATURED):
            for place, pairing in enumerate(PAIRINGS):
                values = [
                    v for s in found.compared for v in found.alike(arm, s, pairing, where=where)
                ]
                at = np.full(len(values), place + 0.15 * (number - 1))
                axes.plot(at, values, ".", color=COLOURS[arm])
            axes.plot([], [], ".", color=COLOURS[arm], label=arm)
        axes.axhline(0, color="#cccccc", linewidth=0.8)
        axes.set_xticks(range(len(PAIRINGS)), PAIRINGS)
        axes.set_title(where, fontsize=8)
    panels[0].set_ylabel("correlation")
    panels[0].legend(fontsize=7, frameon=False)


def culture(figure: Figure, found: Found) -> None:
    """Cells answered by round, a panel a kind of cells."""
    panels = figure.subplots(1, 2, sharey=True)
    for axes, kind in zip(panels, (OTHERS, EXAM), strict=True):
        for unit, rounds in found.populations.items():
            values = [of_population(told, kind) for told in rounds]
            axes.plot(range(len(values)), values, ".-", color=CULTURES[unit.arm], linewidth=1)
        for answers in found.pooled.values():
            hits, total = answers[kind]
            if total:
                axes.axhline(hits / total, linestyle="--", color="#cccccc", linewidth=0.8)
        axes.set_title(kind, fontsize=8)
        axes.set_xlabel("round")
        axes.set_xticks(range(found.options.rounds + 1))
    for arm, colour in CULTURES.items():
        panels[0].plot([], [], ".-", color=colour, label=arm)
    panels[0].set_ylabel("cells answered")
    panels[0].legend(fontsize=7, frameon=False)


def tags(figure: Figure, found: Found, site: str, names: Sequence[str]) -> None:
    """Answers that stay, by what stands for x."""
    axes = figure.subplots()
    for place, name in enumerate(names):
        for share in found.compared:
            values = found.inside(TAGGED, share, "exchanged", site, name)
            at = np.linspace(-0.1, 0.1, len(values)) if len(values) > 1 else np.zeros(1)
            axes.plot(place + at, values, ".", color=COLOURS[LINKED])
    axes.set_xticks(range(len(names)), [name.replace(", ", ",\n") for name in names], fontsize=7)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("answers that stay")
