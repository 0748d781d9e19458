"""The figures of the experiment; each function draws onto an empty figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from agents.evaluation import wilson_interval
from culture_sim.experiments.brackets.exam import BALANCED, EQUAL, PARTS, SPREAD
from culture_sim.experiments.brackets.foretell import Foretold
from culture_sim.experiments.brackets.inside import BRACKETS, DEEPEST, Looked, Sample
from culture_sim.experiments.brackets.plan import Judged
from culture_sim.experiments.brackets.published import CELLS
from culture_sim.experiments.brackets.rows import groups_of, right_of
from culture_sim.experiments.brackets.rules import VERDICTS
from world.brackets.nesting import KINDS, OPEN, heights

COLOURS = dict(zip(VERDICTS, ("#009e73", "#d55e00", "#0072b2", "#999999", "#dddddd"), strict=True))
"""Of rules; Okabe and Ito's (2008)."""
ARM_COLOURS = ("#999999", "#e69f00", "#0072b2")
KIND_COLOURS = ("#009e73", "#f0a202", "#d55e00", "#8b3a00", "#56b4e9", "#0072b2")
LEAST = 20
"""Strings without which no accuracy is drawn."""


def settings_plot(figure: Figure, agents: Sequence[Judged]) -> None:
    """A dot an agent: accuracy out of distribution; published medians and ranges."""
    axes = figure.subplots()
    names = list(dict.fromkeys(each.agent.setting for each in agents))
    for place, name in enumerate(names):
        of = [each for each in agents if each.agent.setting == name]
        spread = np.linspace(-0.25, 0.25, len(of)) if len(of) > 1 else [0.0]
        for each, shift in zip(sorted(of, key=lambda each: each.accuracy), spread, strict=True):
            axes.plot(place + shift, each.accuracy, "o", color=COLOURS[each.rule], markersize=4)
        _published(axes, place, of[0])
    short = [name.replace("-length", "\nlength").replace("-layers", " layers") for name in names]
    axes.set_xticks(range(len(names)), short, rotation=90, fontsize=7)
    axes.set_ylabel("accuracy on unbalanced strings\nwith equal counts")
    axes.set_ylim(-0.03, 1.03)
    _legend(axes, {each.rule for each in agents})


def _published(axes: Axes, place: int, of: Judged) -> None:
    agent = of.agent
    for cell in CELLS:
        same = (cell.layers, cell.weight_decay) == (agent.model.n_layers, agent.train.weight_decay)
        if same and not agent.world.equal_count_share:
            axes.plot([place - 0.35, place + 0.35], [cell.median] * 2, color="black", linewidth=1)
            if cell.low is not None and cell.high is not None:
                axes.plot([place + 0.35] * 2, [cell.low, cell.high], color="black", linewidth=1)


def _legend(axes: Axes, rules: set[str]) -> None:
    for rule in VERDICTS:
        if rule in rules:
            axes.plot([], [], "o", color=COLOURS[rule], label=rule)
    axes.legend(fontsize=7, frameon=False)


def accuracy_plot(figure: Figure, agents: Sequence[Judged]) -> None:
    """Accuracy by depth and length, for every part of the exam; agents of a rule together."""
    panels = figure.subplots(2, len(PARTS), sharey=True)
    for column, part in enumerate(PARTS):
        for line, by in enumerate(("length", "final height" if part == SPREAD else "depth")):
            for rule in VERDICTS:
                of = [each for each in agents if each.rule == rule]
                if of:
                    _line(panels[line, column], of, part, by, rule)
            panels[line, column].set_xlabel(by)
        panels[0, column].set_title({EQUAL: "equal counts", SPREAD: "other counts"}.get(part, part))
    panels[0, 0].set_ylabel("accuracy")
    panels[1, 0].set_ylabel("accuracy")
    _legend(panels[0, 0], {each.rule for each in agents})


def _line(axes: Axes, agents: Sequence[Judged], part: str, by: str, rule: str) -> None:
    group = groups_of(agents[0].agent.exam.parts[part])[by]
    right = np.array([right_of(each, part) for each in agents])
    points = []
    for value in np.unique(group):
        chosen = right[:, group == value]
        if chosen.shape[1] >= LEAST:
            # An interval over strings: those of a group are the same for all agents.
            mean = float(chosen.mean())
            low, high = wilson_interval(round(mean * chosen.shape[1]), chosen.shape[1])
            points.append((value, mean, low, high))
    if points:
        x, y, low_, high_ = np.array(points).T
        axes.plot(x, y, "-", color=COLOURS[rule], linewidth=1.2)
        axes.fill_between(x, low_, high_, color=COLOURS[rule], alpha=0.15, linewidth=0)


def logit_plot(figure: Figure, agents: Sequence[Judged]) -> None:
    """The logit of "balanced" by the height at the end; on the right of the same height by kind."""
    axes = figure.subplots()
    for rule in VERDICTS:
        of = [each for each in agents if each.rule == rule]
        if not of:
            continue
        exam = of[0].agent.exam
        final = heights(exam.parts[SPREAD])[:, -1]
        mean = np.mean([exam.part(each.made.logits, SPREAD) for each in of], axis=0)
        values = np.unique(final)
        axes.plot(values, [mean[final == v].mean() for v in values], color=COLOURS[rule])
        for part, mark in ((EQUAL, "x"), (BALANCED, "o")):
            at_zero = np.mean([exam.part(each.made.logits, part).mean() for each in of])
            axes.plot(0, at_zero, mark, color=COLOURS[rule])
    axes.axhline(0, color="0.7", linewidth=0.8)
    axes.set_xlabel("height at the end (opening less closing brackets)")
    axes.set_ylabel('logit of "balanced" less "unbalanced"')
    _legend(axes, {each.rule for each in agents})


def learning_plot(figure: Figure, agents: Sequence[Judged]) -> None:
    """Accuracy out of distribution as agents learn, a line an agent, by share of equal counts."""
    shares = sorted({each.agent.world.equal_count_share for each in agents})
    panels = figure.subplots(1, len(shares), sharey=True, squeeze=False)[0]
    for axes, share in zip(panels, shares, strict=True):
        for each in agents:
            if each.agent.world.equal_count_share == share:
                x, y = zip(*sorted(each.made.curve.items()), strict=True)
                axes.plot(x, y, color=COLOURS[each.rule], linewidth=0.7, alpha=0.7)
        axes.set_title(f"share {share:g}")
        axes.set_xlabel("strings learned from")
        axes.tick_params(axis="x", labelrotation=45)
    panels[0].set_ylabel("accuracy, equal counts")


def contributions_plot(figure: Figure, looked: Looked, sample: Sample) -> None:
    """What every part adds to the verdict's logit, a dot a string, by kind of string."""
    names = looked.components
    panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, names, strict=True):
        values = looked.of(name)
        for kind, colour in enumerate(KIND_COLOURS):
            chosen = values[sample.kinds == kind]
            jitter = np.linspace(-0.3, 0.3, len(chosen))
            axes.plot(kind + jitter, chosen, ".", color=colour, markersize=2)
        axes.axhline(0, color="0.7", linewidth=0.8)
        axes.set_title(name)
        axes.set_xticks(range(len(KINDS)), KINDS, rotation=90, fontsize=7)
    panels[0].set_ylabel("added to the logit of\n“balanced” less “unbalanced”")


def ablation_plot(figure: Figure, changed: NDArray[np.float64], names: Sequence[str]) -> None:
    """By component and kind, the accuracy that ablation changes. changed: [components, 6]."""
    axes = figure.subplots()
    shown = axes.imshow(changed, cmap="RdBu", vmin=-1, vmax=1, aspect="auto")
    axes.set_yticks(range(len(names)), names)
    axes.set_xticks(range(len(KINDS)), KINDS, rotation=30, ha="right")
    for (i, j), value in np.ndenumerate(changed):
        axes.text(j, i, f"{value:+.2f}", ha="center", va="center", fontsize=7)
    figure.colorbar(shown, label="change of accuracy")


def attention_plot(figure: Figure, looked: Looked) -> None:
    """The end's attention to opening and closing brackets by the height before them, all kinds."""
    layers, heads = looked.attention.shape[:2]
    panels: Any = figure.subplots(layers, heads, sharex=True, squeeze=False)
    height = np.arange(-DEEPEST, DEEPEST + 1)
    for layer, head in np.ndindex(layers, heads):
        given = looked.attention[layer, head].mean(axis=0)
        for bracket, values in zip(BRACKETS, given, strict=True):
            name, colour = ("opening", "#0072b2") if bracket == OPEN else ("closing", "#d55e00")
            panels[layer, head].plot(height, values, color=colour, label=name)
        panels[layer, head].set_title(f"head {layer}.{head}")
    panels[0, 0].legend(fontsize=7, frameon=False)
    for axes in panels[-1]:
        axes.set_xlabel("height before the bracket")
    panels[0, 0].set_ylabel("share of attention")


def end_plot(figure: Figure, looked: Looked, sample: Sample) -> None:
    """What the end holds, in two principal components: coloured by final height, depth and kind."""
    from world.brackets.nesting import depths

    panels = figure.subplots(1, 3, sharex=True, sharey=True)
    x, y = looked.end.T
    numbers = {
        "height at the end": heights(sample.strings)[:, -1],
        "depth": depths(sample.strings),
    }
    for axes, (title, values) in zip(panels, numbers.items(), strict=False):
        shown = axes.scatter(x, y, c=values, s=4, cmap="viridis")
        figure.colorbar(shown, ax=axes)
        axes.set_title(title)
    for kind, (name, colour) in enumerate(zip(KINDS, KIND_COLOURS, strict=True)):
        chosen = sample.kinds == kind
        panels[2].scatter(x[chosen], y[chosen], s=4, color=colour, label=name)
    panels[2].legend(fontsize=6, frameon=False)
    panels[2].set_title("kind")


def foretold_plot(
    figure: Figure, foretold: Mapping[str, Foretold], agents: Sequence[Judged]
) -> None:
    """Accuracy out of distribution against what was foretold of agents of settings left out."""
    panels = figure.subplots(1, len(foretold), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (source, found) in zip(panels, foretold.items(), strict=True):
        for each, predicted in zip(agents, found.predicted, strict=True):
            axes.plot(predicted, each.accuracy, "o", color=COLOURS[each.rule], markersize=3)
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=0.8)
        axes.set_title(f"from {source}")
        axes.set_xlabel("foretold")
    panels[0].set_ylabel("accuracy, equal counts")


def culture_plot(
    figure: Figure, courses: Mapping[tuple[int, str], Sequence[NDArray[np.float64]]]
) -> None:
    """Accuracy out of distribution by round. courses: by nesters and arm, of every seed the means
    over members, [rounds + 1]."""
    compositions = sorted({nesters for nesters, _ in courses})
    arms = list(dict.fromkeys(arm for _, arm in courses))
    panels = figure.subplots(1, len(compositions), sharey=True, squeeze=False)[0]
    for axes, nesters in zip(panels, compositions, strict=True):
        for arm, colour in zip(arms, ARM_COLOURS, strict=False):
            for course in courses.get((nesters, arm), []):
                axes.plot(range(len(course)), course, color=colour, linewidth=1)
            axes.plot([], [], color=colour, label=arm)
        axes.set_title(f"{nesters} of 5 nest")
        axes.set_xlabel("round")
    panels[0].set_ylabel("accuracy, undecided")
    panels[0].legend(fontsize=7, frameon=False)
