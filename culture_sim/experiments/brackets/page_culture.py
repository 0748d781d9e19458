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
    alike: dict[tuple[int, str], list[Sequence[Mapping[str, Any]]]] = {}
    for unit, rounds in found.courses:
        alike.setdefault((unit.nesters, unit.arm), []).append(rounds)
    table = [[f"{n} nest, {arm}", *_told(of)] for (n, arm), of in sorted(alike.items(), key=_order)]
    columns = [
        "populations",
        "kept",
        "of them undecided",
        "of these right",
        "accuracy, undecided: mean (range)",
    ]
    courses = {key: [_course(rounds) for rounds in of] for key, of in alike.items()}
    plot = Plot(
        "culture",
        "Mean accuracy of a population on undecided strings, by round and arm.",
        partial(plots.culture_plot, courses=courses),
        (7.2, 2.8),
    )
    shown = Shown(
        "What populations of all seeds kept in their rounds, and what became of them",
        columns,
        table,
    )
    return Section(TITLE, paragraphs, [shown], [plot])


def _order(entry: tuple[tuple[int, str], object]) -> tuple[int, int]:
    (nesters, arm), _ = entry
    return nesters, culture.ARMS.index(arm)


def _course(rounds: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
    """float64 [rounds + 1]: the mean accuracy of a population."""
    return np.asarray(culture.accuracies(rounds).mean(axis=1))


def _told(alike: Sequence[Sequence[Mapping[str, Any]]]) -> list[str]:
    """What populations of one composition and arm kept, in all rounds, and what became of them."""
    told = [each for rounds in alike for each in rounds[1:]]
    proposed = sum(each["proposed"]["all"]["quizzes"] for each in told)
    kept = sum(each["kept"]["all"]["quizzes"] for each in told)
    undecided = sum(each["kept"]["undecided"]["quizzes"] for each in told)
    right = sum(each["kept"]["undecided"]["right"] for each in told)
    first, last = np.transpose([_course(rounds)[[0, -1]] for rounds in alike])
    return [
        f"{kept:,} of {proposed:,}",
        share(undecided, kept),
        share(right, undecided),
        f"{first.mean():.2f} → {last.mean():.2f} ({last.min():.2f} to {last.max():.2f})",
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
