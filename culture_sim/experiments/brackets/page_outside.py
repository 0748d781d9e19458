"""Sections on what agents say of strings: the rule, accuracies, scratchpads, published figures."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from culture_sim.experiments.brackets import plots
from culture_sim.experiments.brackets.exam import EQUAL
from culture_sim.experiments.brackets.inside import sample_of
from culture_sim.experiments.brackets.plan import Judged
from culture_sim.experiments.brackets.published import CELLS, NETWORKS, RECIPE, Cell
from culture_sim.experiments.brackets.results import Found
from culture_sim.experiments.brackets.rules import CLEAR, LEARNED, UNLEARNED, VERDICTS
from culture_sim.experiments.brackets.shown import NONE, middle, share
from culture_sim.experiments.findings import Plot, Section, Shown
from world.brackets import BracketsWorld
from world.brackets.nesting import CLOSE, KINDS
from world.core.view import draw_svg

STEPS, RATE = 125_000, 1e-4
"""Steps and learning rate of the published networks."""
OUR_RATE = 0.008
"""Muon's, by which weights decay."""
DECAY = 0.01


def strings_section(found: Found) -> Section:
    """One string of every kind, drawn."""
    world, pictures = BracketsWorld(length=found.options.length), []
    sample = sample_of(found.options.length, 1)
    for kind, tokens in zip(KINDS, world.codec.tokens(sample.strings), strict=True):
        pictures.append((draw_svg(world.view.panels(tokens, (0, 1))), kind))
    text = (
        "A string is balanced when its height, opening brackets less closing ones so far, never "
        "falls below zero and ends there. The line above a string is its height. Of the six kinds "
        "of string, a count tells all but dip and dip_first, which have equal counts."
    )
    return Section("The strings", [text], pictures=pictures)


def rules_section(found: Found) -> Section:
    """How many agents of every setting follow which rule."""
    table = []
    for name in dict.fromkeys(each.agent.setting for each in found.agents):
        of = [each for each in found.agents if each.agent.setting == name]
        learned = [each.accuracy for each in of if each.rule != UNLEARNED]
        counts = [str(sum(each.rule == rule for each in of)) for rule in VERDICTS]
        table.append([name, *counts, middle(learned)])
    text = (
        f"An agent follows a rule when it says what the rule says of at least {CLEAR:.0%} of "
        f"unbalanced strings with equal counts. One that is right on less than {LEARNED:.0%} of "
        f"strings as it was trained on has not learned the task. All agents of a share of equal "
        f"counts learned from the same strings in the same order."
    )
    columns = ["setting", *VERDICTS, "accuracy, equal counts: median (range)"]
    plot = Plot(
        "settings",
        "Accuracy on unbalanced strings with equal counts, an agent a dot. Black: the published "
        "median and range, where there is one.",
        partial(plots.settings_plot, agents=found.agents),
        (7.2, 5.0),
    )
    shown = Shown("Agents by the rule that they follow", columns, table)
    return Section("Which rule?", [text], [shown], [plot])


def published_section(found: Found) -> Section:
    """Agents here beside published networks, and how their training differs."""
    options, table = found.options, []
    for cell in CELLS:
        ours = found.of(0.0, cell.layers, cell.weight_decay > 0)
        name = f"{cell.layers} layers, weight decay {cell.weight_decay:g}"
        table.append([name, _told(cell), str(len(ours)), middle([e.accuracy for e in ours])])
    steps = options.strings // options.batch_size
    text = [
        f"Published: {RECIPE}; {NETWORKS} networks in each cell. Here: batch {options.batch_size}, "
        f"Muon at {OUR_RATE} with Adam at 0.003 for embeddings, {options.strings:,} strings in one "
        f"pass, width {options.width}, two heads, and the string read from either end. Strings "
        f"differ and so does the noise of the optimiser: a cell is compared, not reproduced.",
        f"Decoupled weight decay takes the learning rate times itself of a weight at each step: "
        f"over {steps:,} steps of the rate {OUR_RATE}, a decay of {DECAY} takes "
        f"{steps * OUR_RATE * DECAY:.1%}, and over the published {STEPS:,} steps of {RATE:g} it "
        f"takes {STEPS * RATE * DECAY:.0%}.",
    ]
    columns = ["cell", "published: median (range)", "agents here", "median (range)"]
    caption = "Accuracy on unbalanced strings with equal counts, where training had none"
    return Section("Beside what was published", text, [Shown(caption, columns, table)])


def _told(cell: Cell) -> str:
    if cell.low is None or cell.high is None:
        return f"{cell.median:.2f}"
    return f"{cell.median:.2f} ({cell.low:.2f} to {cell.high:.2f})"


def outside_section(found: Found) -> Section:
    """Accuracy and logits by what a string is like, and as agents learn."""
    title = "By depth, length and count"
    agents = [each for each in found.learned if each.agent.world.backwards]
    if not agents:
        return Section(title, ["No agent learned the task."])
    shown = [
        Plot(
            "accuracy",
            "Accuracy by length, and by depth (before the first dip) or the height at the end. "
            "Bands: Wilson intervals over strings; groups of fewer than "
            f"{plots.LEAST} strings are left out.",
            partial(plots.accuracy_plot, agents=agents),
            (7.2, 4.4),
        ),
        Plot(
            "logit",
            "How sure agents are, by the height at the end. At 0: unbalanced strings with equal "
            "counts (crosses) and balanced ones (dots).",
            partial(plots.logit_plot, agents=agents),
        ),
        Plot(
            "learning",
            "Accuracy on unbalanced strings with equal counts while agents learn, coloured by the "
            "rule that they end with; a panel a share of such strings in training.",
            partial(plots.learning_plot, agents=agents),
            (7.2, 3.2),
        ),
    ]
    first = [each for each in agents if not each.agent.seed]
    table = [[each.agent.name, each.rule, *_by_first(each)] for each in first]
    columns = ["agent", "rule", "begins with (", "begins with )"]
    caption = "Accuracy on unbalanced strings with equal counts by the first bracket, seed 0"
    return Section(title, [], [Shown(caption, columns, table)], shown)


def _by_first(of: Judged) -> Iterator[str]:
    closes = of.strings[:, 0] == CLOSE
    for chosen in (~closes, closes):
        yield share(int((~of.said[chosen]).sum()), int(chosen.sum()))


def scratchpads_section(found: Found) -> Section:
    """Agents with scratchpads and without, on identical strings."""
    table = []
    for each in found.scribes:
        first = each.agent.exam.part(each.made.first_wrong, EQUAL)
        wrong = first[first >= 0]
        table.append(
            [
                each.agent.name,
                f"{each.made.accuracy:.1%}",
                share(int((~each.said).sum()), len(each.said)),
                share(len(wrong), len(first)),
                f"{np.median(wrong):g}" if len(wrong) else NONE,
            ]
        )
    text = (
        "The same strings, with and without a scratchpad: “count” writes the height after every "
        "bracket, “cancel” what is left as pairs are taken out. Verdicts are read from what an "
        "agent writes by itself; an error is a token that is not the most likely one given the "
        "true ones before it."
    )
    columns = [
        "agent",
        "in distribution",
        "verdicts, equal counts",
        "answers with an error",
        "median place of the first",
    ]
    return Section("Scratchpads", [text], [Shown("On identical strings", columns, table)])
