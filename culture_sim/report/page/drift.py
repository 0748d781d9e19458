"""How culture changes from round to round: the figures of every round, as a table and as charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup, escape

from culture_sim.culture.records import votes_of
from culture_sim.culture.store import CultureStore
from culture_sim.report.gallery.data import Analysis, mean_wrong
from culture_sim.report.page.charts import line_colour
from world.core.rules import ExplainedBy

Tree = dict[str, Any]
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 240, 130, 42, 8, 8, 20
INK = "currentColor"
FIGURES = {
    "yield": "kept of those proposed",
    "wrong": "mean wrong {}s",
    "near_duplicates": "near-duplicates",
    "entropy": "bits a {}",
    "novelty": "{}s from the world",
}
"""What a round has one figure of; {} is what the world calls a token."""
SHARES = ("yield", "near_duplicates")
COURSE = {
    "test": "accuracy on the world",
    "culture_after": "accuracy on held-out culture",
    "transfer_after": "accuracy on held-out tasks",
}
"""What every agent is examined on in every round."""


class Line(NamedTuple):
    """A line of a chart: its colour, and by round its value, None where there is none."""

    colour: str
    values: Mapping[int, float | None]


def drift(store: CultureStore, summary: Tree, analysis: Analysis | None, unit: str) -> Tree:
    """The template's variables.

    unit: what a token is called.
    summary: ``rounds`` and ``agents`` as in summary.json's culture. analysis: of all kept
    quizzes of the store, in its order.
    """
    rounds = _rounds(store, summary["rounds"], analysis)
    numbers = [each["round"] for each in rounds]
    many = len(numbers) > 1
    agents = [_accuracies(agent) for agent in summary["agents"]]
    return {
        "rounds": rounds,
        "kinds": [
            {"name": kind.value, "colour": line_colour(k)} for k, kind in enumerate(ExplainedBy)
        ],
        "accuracies": {name: [each[name] for each in agents] for name in COURSE},
        "course": COURSE,
        "charts": [*_of_rounds(rounds, unit), *_of_agents(agents)] if many else [],
    }


def _rounds(store: CultureStore, figures: Sequence[Tree], analysis: Analysis | None) -> list[Tree]:
    """Each round's figures, with what is known of its kept quizzes beside them."""
    found, start = [], 0
    for each in figures:
        table = store.table(each["round"])
        votes = votes_of(table.filter(table["keep"]))
        rows = slice(start, start + len(votes))
        start += len(votes)
        wrong = float(mean_wrong(votes).mean()) if len(votes) else None
        found.append({**each, "wrong": wrong, **_analysed(rows, analysis)})
    return found


def _analysed(rows: slice, analysis: Analysis | None) -> Tree:
    """Mean novelty and shares of each kind of explanation among the quizzes analysed."""
    novelty = [v for v in analysis["novelty_world"][rows] if v is not None] if analysis else []
    kinds = [v for v in analysis["explained"][rows] if v is not None] if analysis else []
    return {
        "novelty": float(np.mean(novelty)) if novelty else None,
        "analysed": len(kinds),
        "explained": {k.value: kinds.count(k.value) / len(kinds) for k in ExplainedBy}
        if kinds
        else None,
    }


def _accuracies(agent: Tree) -> dict[str, dict[int, float]]:
    """By name of the examination, an agent's accuracy by round."""
    return {
        name: {each["round"]: each[name]["accuracy"] for each in agent["course"] if each.get(name)}
        for name in COURSE
    }


def _of_rounds(rounds: Sequence[Tree], unit: str) -> list[Tree]:
    charts = []
    for name, text in FIGURES.items():
        label = text.format(unit)
        values = {each["round"]: each[name] for each in rounds}
        if any(value is not None for value in values.values()):
            lines = [Line(INK, values)]
            charts.append({"label": label, "svg": chart(lines, label, name in SHARES)})
    return charts


def _of_agents(agents: Sequence[Mapping[str, Mapping[int, float]]]) -> list[Tree]:
    charts = []
    for name, label in COURSE.items():
        lines = [Line(line_colour(k), agent[name]) for k, agent in enumerate(agents)]
        if any(line.values for line in lines):
            charts.append({"label": label, "svg": chart(lines, label, True)})
    return charts


def chart(lines: Sequence[Line], label: str, share: bool) -> Markup:
    """Lines over rounds as a small inline SVG; share: values are fractions, said in percent."""
    points = [(r, v) for line in lines for r, v in line.values.items() if v is not None]
    rounds, values = [r for r, _ in points], [v for _, v in points]
    low, high = _range(values, most=1.0 if share else np.inf)
    across = max(max(rounds) - min(rounds), 1)

    def place(round_: int, value: float) -> str:
        x = LEFT + (WIDTH - LEFT - RIGHT) * (round_ - min(rounds)) / across
        y = TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (high - low))
        return f"{x:.1f} {y:.1f}"

    def say(value: float) -> str:
        return f"{value:.3g}%" if share else f"{value:.3g}"

    marks = [
        f'<path class="rule" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>'
        f'<text x="{LEFT - 5}" y="{y + 4}" text-anchor="end">'
        f"{say(100 * value if share else value)}</text>"
        for y, value in ((TOP, high), (HEIGHT - BOTTOM, low))
    ]
    for anchor, x, number in (("start", LEFT, min(rounds)), ("end", WIDTH - RIGHT, max(rounds))):
        marks.append(f'<text x="{x}" y="{HEIGHT - 5}" text-anchor="{anchor}">round {number}</text>')
    for line in lines:
        path = "L".join(place(r, v) for r, v in sorted(line.values.items()) if v is not None)
        marks.append(f'<path class="line" stroke="{line.colour}" d="M{path}"/>' if path else "")
    text = escape(f"{label}, round {min(rounds)} to {max(rounds)}")
    return Markup(
        f'<svg class="chart" role="img" aria-label="{text}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f"{''.join(marks)}</svg>"
    )


def _range(values: Sequence[float], most: float) -> tuple[float, float]:
    """The ends of an axis: around the values, and never so near that noise looks like a trend."""
    low, high = min(values), max(values)
    room = max(0.15 * (high - low), 0.05 * abs(high), 1e-3)
    return max(low - room, 0.0), min(high + room, most)
