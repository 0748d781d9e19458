"""Sections on populations, and on the features of agents that nest and agents that do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from culture_sim.experiments.brackets import plots
from culture_sim.experiments.brackets import populations as culture
from culture_sim.experiments.brackets.results import Found
from culture_sim.experiments.brackets.shared import by_rules
from culture_sim.experiments.brackets.shown import interval, mean, share
from culture_sim.experiments.findings import Plot, Section, Shown

TITLE = "Culture as a treatment"


def culture_section(found: Found) -> Section:
    """What populations kept, and what became of them."""
    if not found.courses:
        text = "No population could be made: that takes agents that nest and agents that do not."
        return Section(TITLE, [text])
    directions = len(found.courses[0][0].config.quiz_world.directions)
    of_any, of_own = culture.chance_rates(directions)
    paragraphs = [
        "Populations of five, so many of which nest or lean to it, while the others count or look "
        "at the first bracket, hold rounds. Four must be sure of a verdict, both ways, and the "
        f"fifth of the other. If each were sure of either at random, {of_any:.1%} of quizzes would "
        f"be kept, and {of_own:.1%} of those whose verdict is their proposer's.",
        "“Undecided” are unbalanced strings with equal counts that begin with an opening bracket: "
        "to nest is to refuse them, and by both other rules they are balanced. The world that "
        "agents go on learning from has no unbalanced strings with equal counts: only culture "
        "shows any. Every agent trains on the same number of strings in every arm.",
    ]
    table = [row for unit, rounds in found.courses for row in _kept(unit, rounds)]
    columns = [
        "population",
        "kept",
        "of them undecided",
        "of these right",
        "accuracy, undecided",
    ]
    courses: dict[tuple[int, str], list[NDArray[np.float64]]] = {}
    for unit, rounds in found.courses:
        course = culture.accuracies(rounds).mean(axis=1)
        courses.setdefault((unit.nesters, unit.arm), []).append(course)
    plot = Plot(
        "culture",
        "Mean accuracy of a population on undecided strings, by round and arm.",
        partial(plots.culture_plot, courses=courses),
        (7.2, 2.8),
    )
    shown = Shown("What was kept, and what became of the population", columns, table)
    return Section(TITLE, paragraphs, [shown], [plot])


def _kept(unit: culture.Population, rounds: Sequence[Mapping[str, Any]]) -> Iterator[list[str]]:
    course = culture.accuracies(rounds).mean(axis=1)
    for told, accuracy in zip(rounds[1:], course[1:], strict=True):
        kept, proposed = told["kept"], told["proposed"]["all"]["quizzes"]
        equal = kept["undecided"]
        yield [
            f"{unit.nesters} nest, {unit.arm}, seed {unit.seed}, round {told['round']}",
            f"{kept['all']['quizzes']} of {proposed}",
            share(equal["quizzes"], kept["all"]["quizzes"]),
            share(equal["right"], equal["quizzes"]),
            f"{course[0]:.3f} → {accuracy:.3f}",
        ]


def features_sections(found: Found) -> Iterator[Section]:
    """What autoencoders found, where there were agents of both kinds."""
    for unit, compared in found.shared:
        matched = [
            [
                name,
                str(len(pairs)),
                *(mean(pairs, figure) for figure in ("cross", "null", "ceiling", "value")),
            ]
            for name, pairs in by_rules(compared).items()
        ]
        told = [
            [
                agent.name,
                "nests" if nests else "does not",
                interval(each, "f1"),
                f"{each['always_f1']:.3f}",
            ]
            for agent, nests, each in zip(
                unit.agents, compared.nests, compared.dipped, strict=False
            )
        ]
        columns = ["pairs of agents", "pairs", "match", "null", "ceiling", "universality"]
        text = (
            "Autoencoders on five agents of one network, matched by the correlation of their "
            "features: means over pairs of medians, the null and the ceiling beside them. Below, "
            "how well the best features of each agent tell whether the string has been below zero."
        )
        tables = [
            Shown("Features matched", columns, matched),
            Shown("“Has been below zero”", ["agent", "rule", "F1 (95 %)", "always yes"], told),
        ]
        yield Section("Features", [text], tables)
