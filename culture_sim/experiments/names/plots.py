"""The figures of the page."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from culture_sim.experiments.names.dissected import PLACES, QUERIES, read_picture
from culture_sim.experiments.names.heads import DIRECT, KINDS, RAISES_IO, RAISES_S
from culture_sim.experiments.names.results import Found, Made

COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#0072b2", "#d55e00", "#cc79a7")
"""Okabe and Ito's (2008), by depth."""


def courses(figure: Figure, found: Found) -> None:
    """Accuracy over quizzes learned from, a panel a rung, a line an agent."""
    rungs = found.options.rungs
    panels = figure.subplots(1, len(rungs), sharey=True, squeeze=False)[0]
    colours = dict(zip(found.options.layers, _colours(len(found.options.layers)), strict=True))
    for axes, rung in zip(panels, rungs, strict=True):
        for each in found.of(rung):
            course = each.examined.course
            quizzes = [n / 1000 for n in course]
            axes.plot(quizzes, course.values(), color=colours[each.layers], linewidth=1)
        axes.axhline(found.options.target, color="#cccccc", linewidth=0.8)
        axes.set_title(f"rung {rung}", fontsize=8)
        axes.set_xlabel("thousand quizzes")
    for layers, colour in colours.items():
        panels[0].plot([], [], color=colour, label=f"{layers} layer{'s' * (layers > 1)}")
    panels[0].set_ylabel("held-out quizzes answered")
    panels[0].legend(fontsize=6, frameon=False)


def _colours(count: int) -> list[str]:
    return [COLOURS[n % len(COLOURS)] for n in range(count)]


def emergence(figure: Figure, found: Found) -> None:
    """Share of the agents that learned which have heads of a kind, by rung and depth."""
    settings = [(r, n) for r in found.options.rungs for n in found.options.layers]
    shares = np.full((len(KINDS), len(settings)), np.nan)
    for column, setting in enumerate(settings):
        learned = [each for each in found.of(*setting) if each.measured is not None]
        for line, kind in enumerate(KINDS):
            if learned:
                shares[line, column] = np.mean([each.has(kind) for each in learned])
    axes = figure.subplots()
    axes.set_facecolor("#ececea")
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_yticks(range(len(KINDS)), KINDS)
    axes.set_xticks(range(len(settings)), [f"{r}\n{n}" for r, n in settings], fontsize=7)
    axes.set_xlabel("rung, and layers below it")
    figure.colorbar(image, ax=axes, label="share of agents")


def attention(figure: Figure, found: Found, made: Made) -> None:
    """Mean attention between named positions, a panel a head."""
    picture = read_picture(found.place, found.units[made.agent])
    layers, heads = picture.shape[:2]
    panels = figure.subplots(layers, heads, squeeze=False, sharex=True, sharey=True)
    for layer in range(layers):
        for head in range(heads):
            axes = panels[layer, head]
            axes.imshow(picture[layer, head], cmap="Blues", vmin=0, vmax=1)
            axes.set_title(f"{layer}.{head}", fontsize=7)
            axes.set_xticks(range(len(PLACES)), PLACES, rotation=90, fontsize=6)
            axes.set_yticks(range(len(QUERIES)), QUERIES, fontsize=6)


def working(figure: Figure, found: Found) -> None:
    """What heads that act on the logits do to the two names: a point a head."""
    axes = figure.subplots()
    rungs = found.options.rungs
    for rung, colour in zip(rungs, _colours(len(rungs)), strict=True):
        for each in found.of(rung):
            heads = each.measured.scores if each.measured else ()
            points = [each.measured.parts[head] for head in heads if each.measured]
            acting = [p for p in points if max(abs(p[n].mean) for n in (DIRECT, RAISES_IO)) > 0.1]
            axes.plot(
                [p[RAISES_IO].mean for p in acting],
                [p[RAISES_S].mean for p in acting],
                ".",
                color=colour,
            )
        axes.plot([], [], ".", color=colour, label=f"rung {rung}")
    axes.axhline(0, color="#cccccc", linewidth=0.8)
    axes.axvline(0, color="#cccccc", linewidth=0.8)
    axes.set_xlabel("raises IO")
    axes.set_ylabel("raises S")
    axes.legend(fontsize=7, frameon=False)
