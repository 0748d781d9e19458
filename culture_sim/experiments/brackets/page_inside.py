"""Sections on what goes on inside agents: parts, foretelling, probes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pandas as pd

from culture_sim.experiments.brackets import plots
from culture_sim.experiments.brackets.inside import Sample, sample_of
from culture_sim.experiments.brackets.plan import Judged
from culture_sim.experiments.brackets.published import FORETOLD
from culture_sim.experiments.brackets.results import Found, changed_by_ablation
from culture_sim.experiments.brackets.rules import VERDICTS
from culture_sim.experiments.brackets.shown import NONE, interval
from culture_sim.experiments.findings import Plot, Section, Shown

SIZES = {
    "contributions": (7.2, 3.2),
    "ablation": (6.0, 3.2),
    "attention": (6.4, 3.6),
    "end": (7.2, 2.8),
}
CAPTIONS = {
    "contributions": "What each part adds to the verdict, a string a dot.",
    "ablation": "Accuracy by kind without a part: it gives what it gives on another string.",
    "attention": "Where the end looks: all brackets of one height together.",
    "end": "What the end holds after the last block, in two principal components.",
}
CONTROLS = ("", "untrained", "length")
"""Of the scores of probes, those that the page shows: as they are, and above two controls."""


def inside_section(found: Found) -> Section:
    """Figures of the first learned agent of every rule."""
    sample = sample_of(found.options.length, found.options.inside)
    shown = [plot for each in _examples(found) for plot in _looks(found, each, sample)]
    text = (
        "Parts are heads (layer and number) and MLPs (m and layer). Their direct contributions "
        "add up, with those of the embeddings, to the logit of “balanced” less that of "
        "“unbalanced”. Shown is the first agent of every rule; the table of results has all."
    )
    return Section("Inside", [text], plots=shown)


def _examples(found: Found) -> list[Judged]:
    return [
        next(each for each in found.learned if each.rule == rule)
        for rule in VERDICTS
        if any(each.rule == rule for each in found.learned)
    ]


def _looks(found: Found, of: Judged, sample: Sample) -> Iterator[Plot]:
    looked, name = found.looks[of.agent], of.rule.replace(" ", "-")
    changed = changed_by_ablation(found, of)
    draw = {
        "contributions": partial(plots.contributions_plot, looked=looked, sample=sample),
        "ablation": partial(plots.ablation_plot, changed=changed, names=looked.components),
        "attention": partial(plots.attention_plot, looked=looked),
        "end": partial(plots.end_plot, looked=looked, sample=sample),
    }
    for what, drawn in draw.items():
        caption = f"{CAPTIONS[what]} {of.rule}: {of.agent.name}."
        yield Plot(f"{what}-{name}", caption, drawn, SIZES[what])


def foretelling_section(found: Found) -> Section:
    """How well accuracy out of distribution is foretold for settings that were left out."""
    title = "Can the rule be foretold?"
    if not found.foretold:
        return Section(title, ["There are too few settings to leave one out."])
    table = [
        [source, f"{each.error:.3f}", NONE if each.area is None else f"{each.area:.3f}"]
        for source, each in found.foretold.items()
    ]
    published = ", ".join(f"{name} {value:.3f}" for name, value in FORETOLD.items())
    text = (
        "Ridge regression of accuracy on unbalanced strings with equal counts, for agents of a "
        "setting of which none was seen. All that is looked at, behaviour and inside, is of other "
        f"strings. Published areas under the curve, of settings left out: {published}."
    )
    columns = ["from", "mean absolute error", "area under the curve"]
    plot = Plot(
        "foretold",
        "Each agent's accuracy against that foretold when its setting was left out.",
        partial(plots.foretold_plot, foretold=found.foretold, agents=found.learned),
        (7.2, 2.8),
    )
    shown = Shown("Foretold for settings that were left out", columns, table)
    return Section(title, [text], [shown], [plot])


def probes_section(found: Found) -> Section:
    """What probes read of a few agents, and what follows an exchange."""
    tables = [
        table
        for each, probes, exchanges in found.probes
        for table in (_read_off(each, probes), _exchanged(each, exchanges))
    ]
    text = (
        "Probes are linear, fitted to some strings and scored on others. Controls: the position, "
        "with the length; an untrained network; shuffled labels; long strings held out. An "
        "exchange puts what a probe reads in another string, alike in length, into the run: do "
        "verdicts follow? It is held against a random direction and the whole activation."
    )
    return Section("What can be read off, and is it used?", [text], tables)


def _read_off(of: Judged, probes: pd.DataFrame) -> Shown:
    chosen = probes[
        (probes["probe"] == "agent")
        & (probes["split"] == "folds")
        & (probes["metric"] != "balanced_accuracy")
        & (probes["site"] == probes["site"].iloc[-1])
        & probes["minus"].isin(CONTROLS)
    ].dropna(subset=["value"])
    table = [
        [f"{row['target']}, {row['place']}", row["minus"] or "score", interval(row)]
        for row in chosen.to_dict("records")
    ]
    caption = (
        f"Read at the last site, {of.rule}: {of.agent.name}. R² of numbers, area under the curve "
        f"of classes, and how far that is above a control"
    )
    return Shown(caption, ["target, place", "what", "value (95 %)"], table)


def _exchanged(of: Judged, exchanges: pd.DataFrame) -> Shown:
    table = [
        [
            f"{row['target']}, {row['site']}",
            row["edit"],
            interval(row, "turned"),
            str(row["pairs"]),
        ]
        for row in exchanges.to_dict("records")
        if row["pairs"]
    ]
    columns = ["target, site", "edit", "verdicts turned (95 %)", "pairs"]
    return Shown(f"Exchanged at the end, {of.rule}: {of.agent.name}", columns, table)
