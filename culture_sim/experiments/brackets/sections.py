"""The page of the experiment, section by section."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from agents.evaluation import wilson_interval
from culture_sim.experiments.brackets import plots
from culture_sim.experiments.brackets import populations as culture
from culture_sim.experiments.brackets.exam import EQUAL
from culture_sim.experiments.brackets.inside import sample_of
from culture_sim.experiments.brackets.plan import Judged
from culture_sim.experiments.brackets.published import CELLS, FORETOLD, NETWORKS, RECIPE
from culture_sim.experiments.brackets.results import Found, changed_by_ablation
from culture_sim.experiments.brackets.rules import CLEAR, LEARNED, UNLEARNED, VERDICTS
from culture_sim.experiments.brackets.shared import by_rules
from culture_sim.experiments.findings import Plot, Section, Shown
from world.brackets import BracketsWorld
from world.brackets.nesting import KINDS
from world.core.view import draw_svg

NONE = "-"


def sections(found: Found) -> list[Section]:
    """Those of which something was made."""
    made = [_strings(found), _rules(found), _published(found), _outside(found)]
    if found.looks:
        made += [_inside(found), _foretelling(found)]
    if found.probes:
        made.append(_probes(found))
    if found.scribes:
        made.append(_scratchpads(found))
    return [*made, _culture(found), *_features(found)]


def _strings(found: Found) -> Section:
    world, pictures = BracketsWorld(length=found.options.length), []
    sample = sample_of(found.options.length, 1)
    for kind, tokens in zip(KINDS, world.codec.tokens(sample.strings), strict=True):
        pictures.append((draw_svg(world.view.panels(tokens, (0, 1))), kind))
    text = (
        "A string is balanced when its height, opening brackets less closing ones so far, never falls "
        "below zero and ends there. The line above a string is its height. Of the six kinds of string, "
        "a count tells all but dip and dip_first, which have equal counts."
    )
    return Section("The strings", [text], pictures=pictures)


def _rules(found: Found) -> Section:
    names = list(dict.fromkeys(each.agent.setting for each in found.agents))
    table = []
    for name in names:
        of = [each for each in found.agents if each.agent.setting == name]
        learned = [each.accuracy for each in of if each.rule != UNLEARNED]
        counts = [str(sum(each.rule == rule for each in of)) for rule in VERDICTS]
        table.append([name, *counts, _middle(learned)])
    text = (
        f"An agent follows a rule when it says what the rule says of at least {CLEAR:.0%} of "
        f"unbalanced strings with equal counts. One that is right on less than {LEARNED:.0%} of "
        f"strings as it was trained on has not learned the task. All agents of a share of equal counts "
        f"learned from the same strings in the same order."
    )
    columns = ["setting", *VERDICTS, "accuracy, equal counts: median (range)"]
    plot = Plot(
        "settings",
        "Accuracy on unbalanced strings with equal counts, an agent a dot. Black: the published median "
        "and range, where there is one.",
        partial(plots.settings_plot, agents=found.agents),
        (7.2, 5.0),
    )
    shown = Shown("Agents by the rule that they follow", columns, table)
    return Section("Which rule?", [text], [shown], [plot])


def _middle(values: Sequence[float]) -> str:
    if not values:
        return NONE
    return f"{np.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def _published(found: Found) -> Section:
    options, table = found.options, []
    for cell in CELLS:
        ours = found.of(0.0, cell.layers, cell.weight_decay > 0)
        published = f"{cell.median:.2f}"
        if cell.low is not None:
            published += f" ({cell.low:.2f} to {cell.high:.2f})"
        name = f"{cell.layers} layers, weight decay {cell.weight_decay:g}"
        table.append([name, published, str(len(ours)), _middle([e.accuracy for e in ours])])
    steps = options.strings // options.batch_size
    text = [
        f"Published: {RECIPE}; {NETWORKS} networks in each cell. Here: batch {options.batch_size}, Muon "
        f"at 0.008 with Adam at 0.003 for embeddings, {options.strings:,} strings in one pass, width "
        f"{options.width}, two heads, and the string read from either end. Strings differ and so does "
        f"the noise of the optimiser, so that a cell is compared, not reproduced.",
        f"Decoupled weight decay takes the learning rate times itself of a weight at each step: over "
        f"{steps:,} steps of the rate 0.008, a decay of 0.01 takes {steps * 0.008 * 0.01:.1%}, and over "
        f"the published 125,000 steps of 1e-4 it takes 12 %.",
    ]
    columns = ["cell", "published: median (range)", "agents here", "median (range)"]
    caption = "Accuracy out of distribution of agents at 99 % in distribution, no equal counts"
    return Section("Beside what was published", text, [Shown(caption, columns, table)])


def _outside(found: Found) -> Section:
    agents = [each for each in found.learned if each.agent.world.backwards]
    if not agents:
        return Section("By depth, length and count", ["No agent learned the task."])
    shown = [
        Plot(
            "accuracy",
            "Accuracy by length, and by depth (before the first dip) or the height at the end. Bands: "
            "Wilson intervals over strings; groups of fewer than 20 strings are left out.",
            partial(plots.accuracy_plot, agents=agents),
            (7.2, 4.4),
        ),
        Plot(
            "logit",
            "How sure agents are, by the height at the end. At 0: unbalanced strings with equal counts "
            "(crosses) and balanced ones (dots).",
            partial(plots.logit_plot, agents=agents),
        ),
        Plot(
            "learning",
            "Accuracy on unbalanced strings with equal counts while agents learn, coloured by the rule "
            "that they end with.",
            partial(plots.learning_plot, agents=agents),
            (7.2, 3.2),
        ),
    ]
    table = [[each.agent.name, each.rule, *_by_first(each)] for each in agents if not each.agent.seed]
    columns = ["agent", "rule", "begins with (", "begins with )"]
    caption = "Accuracy on unbalanced strings with equal counts by the first bracket, seed 0"
    return Section("By depth, length and count", [], [Shown(caption, columns, table)], shown)


def _by_first(of: Judged) -> Iterator[str]:
    closes = of.strings[:, 0] == 2
    for chosen in (~closes, closes):
        hits, total = int((~of.said[chosen]).sum()), int(chosen.sum())
        yield _share(hits, total)


def _share(hits: int, total: int) -> str:
    if not total:
        return NONE
    low, high = wilson_interval(hits, total)
    return f"{hits / total:.1%} ({low:.1%} to {high:.1%}; {total})"


def _examples(found: Found) -> list[Judged]:
    """The first learned agent of every rule."""
    return [
        next(each for each in found.learned if each.rule == rule)
        for rule in VERDICTS
        if any(each.rule == rule for each in found.learned)
    ]


def _inside(found: Found) -> Section:
    sample, shown = sample_of(found.options.length, found.options.inside), []
    for each in _examples(found):
        looked, name = found.looks[each.agent], each.rule.replace(" ", "-")
        about = f"{each.rule}: {each.agent.name}"
        changed = changed_by_ablation(found, each)
        drawn = {
            "contributions": ("What each part adds to the verdict, a string a dot.", (7.2, 3.2)),
            "ablation": ("Accuracy by kind without a part: its output is that of another string.", (6.0, 3.2)),
            "attention": ("Where the end looks: all brackets of one height together.", (6.4, 3.6)),
            "end": ("What the end holds after the last block, in two principal components.", (7.2, 2.8)),
        }  # fmt: skip
        draw = {
            "contributions": partial(plots.contributions_plot, looked=looked, sample=sample),
            "ablation": partial(plots.ablation_plot, changed=changed, names=looked.components),
            "attention": partial(plots.attention_plot, looked=looked),
            "end": partial(plots.end_plot, looked=looked, sample=sample),
        }
        shown += [
            Plot(f"{what}-{name}", f"{caption} {about}.", draw[what], size)
            for what, (caption, size) in drawn.items()
        ]
    text = (
        "Parts are heads (layer and number) and MLPs. Their direct contributions add up, with those of "
        "the embedding, to the logit of “balanced” less that of “unbalanced”. Shown is the first agent "
        "of every rule; the table of results has all."
    )
    return Section("Inside", [text], plots=shown)


def _foretelling(found: Found) -> Section:
    if not found.foretold:
        return Section("Can the rule be foretold?", ["There are too few settings to leave one out."])
    table = [
        [source, f"{each.error:.3f}", NONE if each.area is None else f"{each.area:.3f}"]
        for source, each in found.foretold.items()
    ]
    published = ", ".join(f"{name} {value:.3f}" for name, value in FORETOLD.items())
    text = (
        "Ridge regression of accuracy on unbalanced strings with equal counts, for agents of a setting "
        "of which none was seen. All that is looked at, behaviour and inside, is of other strings. "
        f"Published areas under the curve, of settings left out: {published}."
    )
    columns = ["from", "mean absolute error", "area under the curve"]
    plot = Plot(
        "foretold",
        "Each agent's accuracy against that foretold when its setting was left out.",
        partial(plots.foretold_plot, foretold=found.foretold, agents=found.learned),
        (7.2, 2.8),
    )
    shown = Shown("Foretold for settings that were left out", columns, table)
    return Section("Can the rule be foretold?", [text], [shown], [plot])


def _probes(found: Found) -> Section:
    tables = []
    for each, probes, exchanges in found.probes:
        chosen = probes.query("probe == 'agent' and split == 'folds' and metric != 'balanced_accuracy'")
        last = chosen[chosen["site"] == chosen["site"].iloc[-1]].dropna(subset=["value"])
        read = [
            [f"{row['target']}, {row['place']}", row["minus"] or "score", _interval(row)]
            for row in last.to_dict("records")
            if row["minus"] in ("", "untrained", "length")
        ]
        about = f"{each.rule}: {each.agent.name}"
        tables.append(
            Shown(
                f"Read at the last site, {about}: R² of numbers, area under the curve of classes; and "
                f"how far that is above a control",
                ["target, place", "what", "value (95 %)"],
                read,
            )
        )
        turned = [
            [f"{row['target']}, {row['site']}", row["edit"], _interval(row, "turned"), str(row["pairs"])]
            for row in exchanges.to_dict("records")
            if row["pairs"]
        ]
        columns = ["target, site", "edit", "verdicts turned (95 %)", "pairs"]
        tables.append(Shown(f"Exchanged at the end, {about}", columns, turned))
    text = (
        "Probes are linear, fitted to some strings and scored on others. Controls: the position, with "
        "the length; an untrained network; shuffled labels; long strings held out. An exchange puts what "
        "a probe reads in another string, alike in length, into the run: do verdicts follow? It is held "
        "against a random direction and the whole activation."
    )
    return Section("What can be read off, and is it used?", [text], tables)


def _interval(row: dict[str, float], name: str = "value") -> str:
    return f"{row[name]:.3f} ({row['low']:.3f} to {row['high']:.3f})"


def _scratchpads(found: Found) -> Section:
    table = []
    for each in found.scribes:
        exam, made = each.agent.exam, each.made
        right = int((~each.said).sum())
        first = exam.part(made.first_wrong, EQUAL)
        table.append(
            [
                each.agent.name,
                f"{made.accuracy:.1%}",
                _share(right, len(each.said)),
                _share(int((first >= 0).sum()), len(first)),
                NONE if not (first >= 0).any() else f"{np.median(first[first >= 0]):g}",
            ]
        )
    text = (
        "The same strings, with and without a scratchpad: “count” writes the height after every bracket, "
        "“cancel” what is left as pairs are taken out. Verdicts are read from what an agent writes by "
        "itself; an error is a token that is not the most likely one given the true ones before it."
    )
    columns = [
        "agent", "in distribution", "verdicts, equal counts", "answers with an error",
        "median place of the first",
    ]  # fmt: skip
    return Section("Scratchpads", [text], [Shown("On identical strings", columns, table)])


def _culture(found: Found) -> Section:
    if not found.courses:
        text = "No population could be made: that takes agents that nest and agents that count."
        return Section("Culture as a treatment", [text])
    of_any, of_own = culture.chance_rates(2)
    text = [
        f"Populations of five, so many of which nest and the others count, hold rounds of culture. Four "
        f"must be sure of a verdict, both ways, and the fifth of the other. If each were sure of either "
        f"at random, {of_any:.1%} of quizzes would be kept, and {of_own:.1%} of those whose verdict is "
        f"their proposer's.",
        "The world that they go on learning from has no unbalanced strings with equal counts: only "
        "culture shows any. Every agent trains on the same number of strings in every arm.",
    ]
    table = []
    for unit, rounds in found.courses:
        course = culture.accuracies(rounds).mean(axis=1)
        for told, accuracy in zip(rounds[1:], course[1:], strict=True):
            kept, proposed = told["kept"], told["proposed"]["all"]["quizzes"]
            table.append(
                [
                    f"{unit.nesters} nest, {unit.arm}, seed {unit.seed}, round {told['round']}",
                    f"{kept['all']['quizzes']} of {proposed}",
                    _share(kept["unbalanced_equal"]["quizzes"], kept["all"]["quizzes"]),
                    _share(kept["unbalanced_equal"]["right"], kept["unbalanced_equal"]["quizzes"]),
                    f"{course[0]:.3f} → {accuracy:.3f}",
                ]
            )
    columns = [
        "population", "kept", "of them unbalanced, equal counts", "of these right",
        "accuracy, equal counts",
    ]  # fmt: skip
    courses: dict[tuple[int, str], list[np.ndarray]] = {}  # type: ignore[type-arg]
    for unit, rounds in found.courses:
        course = culture.accuracies(rounds).mean(axis=1)
        courses.setdefault((unit.nesters, unit.arm), []).append(course)
    plot = Plot(
        "culture",
        "Mean accuracy of a population on unbalanced strings with equal counts, by round and arm.",
        partial(plots.culture_plot, courses=courses),
        (7.2, 2.8),
    )
    shown = Shown("What was kept, and what became of the population", columns, table)
    return Section("Culture as a treatment", text, [shown], [plot])


def _features(found: Found) -> Iterator[Section]:
    for unit, compared in found.shared:
        matched = [
            [name, str(len(pairs)), *(_mean(pairs, figure) for figure in ("cross", "null", "ceiling", "value"))]
            for name, pairs in by_rules(compared).items()
        ]
        told = [
            [agent.name, "nests" if nests else "counts", _f1(each), f"{each['always_f1']:.3f}"]
            for agent, nests, each in zip(unit.agents, compared.nests, compared.dipped, strict=False)
        ]
        columns = ["pairs of agents", "pairs", "match", "null", "ceiling", "universality"]
        text = (
            "Autoencoders on five agents of one network, matched by the correlation of their features: "
            "means over pairs of medians, the null and the ceiling beside them. Below, how well the best "
            "features of each agent tell whether the string has been below zero."
        )
        tables = [
            Shown("Features matched", columns, matched),
            Shown("“Has been below zero”", ["agent", "rule", "F1 (95 %)", "always yes"], told),
        ]
        yield Section("Features", [text], tables)


def _mean(pairs: Sequence[Mapping[str, Any]], figure: str) -> str:
    known = [pair[figure] for pair in pairs if pair[figure] is not None]
    return f"{np.mean(known):.3f}" if known else NONE


def _f1(told: Mapping[str, float]) -> str:
    return f"{told['f1']:.3f} ({told['low']:.3f} to {told['high']:.3f})"
