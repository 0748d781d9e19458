"""The rows of the experiment's table: see docs/experiments.md for the columns that all have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from culture_sim.experiments.brackets.agent import Agent
from culture_sim.experiments.brackets.exam import BALANCED, EQUAL, SPREAD, undecided
from culture_sim.experiments.brackets.inside import BRACKETS, Looked, Sample, accuracy_by_kind
from culture_sim.experiments.brackets.plan import Judged
from culture_sim.experiments.brackets.populations import Population
from culture_sim.experiments.brackets.shared import Compared, Shared, by_rules
from culture_sim.experiments.findings import row, share
from world.brackets.nesting import CLOSE, KINDS, OPEN, Brackets, depths, heights, lengths
from world.brackets.scratch import NO, YES

Row = dict[str, Any]
SETTINGS = {
    "rule": "string",
    "equal_count_share": "float64",
    "layers": "int64",
    "weight_decay": "float64",
    "length": "int64",
    "backwards": "bool",
    "scratch": "string",
    "seed": "int64",
    "arm": "string",
    "nesters": "int64",
    "round": "int64",
}
"""Columns of this experiment alone: the rule that an agent follows ("" of populations); its setting
and seed; of a population its arm and how many of it nest, -1 of agents; the round, -1 outside."""


def settings_of(agent: Agent, rule: str = "") -> Row:
    """The columns of an agent."""
    world = agent.world
    return {
        "unit": agent.name,
        "rule": rule,
        "equal_count_share": world.equal_count_share,
        "layers": agent.model.n_layers,
        "weight_decay": agent.train.weight_decay,
        "length": world.length,
        "backwards": world.backwards,
        "scratch": world.scratch,
        "seed": agent.seed,
        "arm": "",
        "nesters": -1,
        "round": -1,
    }


def groups_of(strings: Brackets) -> dict[str, NDArray[np.int64]]:
    """int64 [n] by what accuracy is told apart by: the height at the end (0 of equal counts), the
    greatest height before the first dip, brackets, and the first bracket (1 closes)."""
    return {
        "final height": heights(strings)[:, -1],
        "depth": depths(strings),
        "length": lengths(strings),
        "first bracket closes": (strings[:, 0] == CLOSE).astype(np.int64),
    }


def rows_of_agent(of: Judged) -> Iterator[Row]:
    """What an agent says of the exam, by part and group, and as it learned."""
    settings, made = settings_of(of.agent, of.rule), of.made
    yield share("accuracy in distribution", made.correct, made.total, **settings)
    for part in (EQUAL, SPREAD, BALANCED):
        yield from _accuracies(of, part, settings)
    for rule, agreement in of.agreement.items():
        support = len(of.said)
        yield row("agreement", agreement, by="rule", group=rule, support=support, **settings)
    for quizzes, accuracy in made.curve.items():
        yield row("accuracy equal", accuracy, by="strings learned from", group=quizzes, **settings)
    if of.agent.world.scratch == "none":
        yield from _logits(of, settings)
    else:
        yield from first_errors(of, settings)


def right_of(of: Judged, part: str) -> NDArray[np.bool_]:
    """bool [strings]: verdicts of a part of the exam that are right."""
    logits = of.agent.exam.part(of.made.logits, part)
    return np.asarray(logits > 0 if part == BALANCED else logits < 0)


def _accuracies(of: Judged, part: str, settings: Row) -> Iterator[Row]:
    right = right_of(of, part)
    measure = f"accuracy {part}"
    yield share(measure, int(right.sum()), len(right), **settings)
    for by, group in groups_of(of.agent.exam.parts[part]).items():
        values = np.unique(group)
        if len(values) > 1:
            for value in values:
                chosen = group == value
                hits, total = int(right[chosen].sum()), int(chosen.sum())
                yield share(measure, hits, total, by=by, group=value, **settings)


def _logits(of: Judged, settings: Row) -> Iterator[Row]:
    exam = of.agent.exam
    for part in (EQUAL, SPREAD, BALANCED):
        logits, final = exam.part(of.made.logits, part), heights(exam.parts[part])[:, -1]
        for value in np.unique(final):
            chosen = logits[final == value]
            name: Row = {"by": f"{part}, final height", "group": value, "support": len(chosen)}
            yield row("logit", float(chosen.mean()), **name, **settings)


def first_errors(of: Judged, settings: Row) -> Iterator[Row]:
    """Where the first wrong token of a scratchpad stands: in it, or as its verdict."""
    exam, world = of.agent.exam, of.agent.world
    for part in (EQUAL, SPREAD, BALANCED):
        first = exam.part(of.made.first_wrong, part)
        tokens = world.codec.tokens(exam.parts[part])[:, world.codec.answer :]
        verdict = np.isin(tokens, (YES, NO)).argmax(axis=1)
        wrong = first >= 0
        name: Row = {"by": "part", "group": part}
        yield share("answers with an error", int(wrong.sum()), len(wrong), **name, **settings)
        if wrong.any():
            inside = int((first < verdict)[wrong].sum())
            yield share(
                "first error before the verdict", inside, int(wrong.sum()), **name, **settings
            )
            place = (first / np.maximum(verdict, 1))[wrong]
            yield row("place of the first error", float(np.median(place)), **name, **settings)


def rows_inside(of: Judged, looked: Looked, sample: Sample) -> Iterator[Row]:
    """Direct contributions, ablation and attention, by component and kind of string."""
    settings, kinds = settings_of(of.agent, of.rule), sample.kinds
    for name in looked.names:
        for index, kind in enumerate(KINDS):
            mean = float(looked.of(name)[kinds == index].mean())
            given = _of_component(name, kind, sample)
            yield row("direct contribution", mean, **given, **settings)
    changed = accuracy_by_kind(looked.ablated, kinds) - accuracy_by_kind(looked.logits, kinds)
    for (component, kind_index), value in np.ndenumerate(changed):
        given = _of_component(looked.components[component], KINDS[kind_index], sample)
        yield row("accuracy changed by ablation", float(value), **given, **settings)
    yield from _attention(looked, settings)


def _of_component(name: str, kind: str, sample: Sample) -> Row:
    return {"by": "component, kind", "group": f"{name}, {kind}", "support": sample.each}


def _attention(looked: Looked, settings: Row) -> Iterator[Row]:
    by_bracket = looked.attention.sum(axis=-1)
    names = {OPEN: "opening", CLOSE: "closing"}
    for layer, head, kind, bracket in np.ndindex(*by_bracket.shape):
        group = f"{layer}.{head}, {KINDS[kind]}, {names[BRACKETS[bracket]]}"
        given: Row = {"by": "head, kind, bracket", "group": group}
        yield row(
            "attention from the end", by_bracket[layer, head, kind, bracket], **given, **settings
        )


def rows_of_probes(of: Judged, probes: pd.DataFrame, exchanges: pd.DataFrame) -> Iterator[Row]:
    """What probes read, beside controls, and what follows an exchange along them."""
    settings = settings_of(of.agent, of.rule)
    keys = ("site", "place", "target", "probe", "minus", "split")
    for each in probes.dropna(subset=["value"]).to_dict("records"):
        group = ", ".join(str(each[key]) for key in keys)
        yield row(
            f"probe {each['metric']}",
            each["value"],
            by=", ".join(keys),
            group=group,
            interval=(each["low"], each["high"]),
            support=int(each["groups"]),
            **settings,
        )
    for each in exchanges.to_dict("records"):
        group = f"{each['target']}, {each['site']}, {each['edit']}"
        given: Row = {"by": "target, site, edit", "group": group, **settings}
        if each["pairs"]:
            ends = (each["low"], each["high"])
            pairs = int(each["pairs"])
            yield row("verdicts turned", each["turned"], interval=ends, support=pairs, **given)
            yield row("share of the way", each["way"], support=pairs, **given)
        if each["alike"]:
            yield row("verdicts kept", each["kept"], support=int(each["alike"]), **given)


def rows_of_population(unit: Population, rounds: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    """By round: accuracy out of distribution of every member, and what was kept."""
    settings: Row = {
        **settings_of(unit.agents[0]),
        "unit": unit.name,
        "seed": unit.seed,
        "arm": unit.arm,
        "nesters": unit.nesters,
    }
    asked = int(undecided(unit.exam.parts[EQUAL]).sum())
    for told in rounds:
        of_round: Row = {**settings, "round": told["round"]}
        for member, accuracy in enumerate(told["accuracy"]):
            given: Row = {"by": "member", "group": member, "support": unit.exam.strings}
            yield row("accuracy equal", accuracy, **given, **of_round)
        for member, accuracy in enumerate(told["undecided"]):
            given = {"by": "member", "group": member, "support": asked}
            yield row("accuracy undecided", accuracy, **given, **of_round)
        for stage in ("proposed", "kept"):
            if stage in told:
                yield from _kept(stage, told[stage], of_round)


def _kept(stage: str, told: Mapping[str, Mapping[str, int]], settings: Row) -> Iterator[Row]:
    total = told["all"]["quizzes"]
    yield row(f"{stage} quizzes", total, support=total, **settings)
    for group, counts in told.items():
        name: Row = {"by": "strings", "group": group}
        if group != "all" and total:
            yield share(f"{stage} share", counts["quizzes"], total, **name, **settings)
        if counts["quizzes"]:
            hits, quizzes = counts["right"], counts["quizzes"]
            yield share(f"{stage} right verdicts", hits, quizzes, **name, **settings)


def rows_of_features(unit: Shared, compared: Compared) -> Iterator[Row]:
    """How well features match within and across rules, and how well they tell a dip."""
    settings: Row = {**settings_of(unit.agents[0]), "unit": unit.name, "nesters": unit.nesters}
    for name, pairs in by_rules(compared).items():
        for pair in pairs:
            group = f"{name}, {pair['agent_a']}-{pair['agent_b']}"
            for measure in ("value", "cross", "null", "ceiling"):
                if pair[measure] is not None:
                    figure = f"features matched {measure}"
                    yield row(figure, pair[measure], by="pair", group=group, **settings)
    for number, told in enumerate(compared.dipped):
        ends = (told["low"], told["high"])
        given: Row = {"by": "member", "group": number, **settings}
        yield row("F1 of has dipped", told["f1"], interval=ends, **given)
