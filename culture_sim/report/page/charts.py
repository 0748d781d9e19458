"""The report's pictures as inline SVG and shaded cells: small, and without a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup, escape

LINES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#7b4b94", "#7f7f7f")
DEEPEST = 0.7
"""Of the blue that shades cells: the page's own ink, light or dark, is legible on it."""
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 720, 274, 44, 44, 10, 74


class Point(NamedTuple):
    """An examination of an agent: after how many quizzes, its accuracy (0 to 1), in which round."""

    quizzes: int
    accuracy: float
    round: int


Curves = Mapping[int, Sequence[Point]]
"""Examinations in order, by agent."""


def round_starts(curves: Curves) -> dict[int, list[Point]]:
    """By agent, the last examination before each culture round's training."""
    return {
        agent: [here for here, after in pairwise(points) if after.round > here.round]
        for agent, points in curves.items()
    }


def learning_curves(
    curves: Curves, target: float, what: str, beside: Curves | None = None
) -> Markup:
    """Accuracy against quizzes seen, a line for each agent, with the target.

    A ring marks where an agent began to train on a round's culture. beside: other accuracies of the
    same agents, dotted.
    """
    last = max((point.quizzes for points in curves.values() for point in points), default=1)

    def x(quizzes: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * quizzes / last

    def y(accuracy: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - accuracy)

    marks = [_rule(y(a), f"{a:.0%}") for a in (0.0, 0.25, 0.5, 0.75, 1.0)]
    if target:
        marks.append(
            f'<path class="target" d="M{LEFT} {y(target):.1f}H{WIDTH - RIGHT}"/>'
            f'<text x="{WIDTH - RIGHT + 4}" y="{y(target) + 4:.1f}">target {target:.0%}</text>'
        )
    for step in range(5):
        quizzes = last * step / 4
        marks.append(
            f'<text x="{x(quizzes):.0f}" y="{HEIGHT - 26}" text-anchor="middle">'
            f"{quizzes / 1000:.3g}k</text>"
        )
    starts = round_starts(curves)
    for kind, lines in (("line dotted", beside or {}), ("line", curves)):
        for agent, points in sorted(lines.items()):
            path = "L".join(f"{x(p.quizzes):.1f} {y(p.accuracy):.1f}" for p in points)
            stroke = line_colour(agent)
            marks.append(f'<path class="{kind}" stroke="{stroke}" d="M{path}"/>')
    for agent in sorted(curves):
        colour = line_colour(agent)
        marks += [
            f'<circle class="start" stroke="{colour}" r="4" '
            f'cx="{x(p.quizzes):.1f}" cy="{y(p.accuracy):.1f}"/>'
            for p in starts[agent]
        ]
    label = escape(f"{what} against quizzes seen, one line for each agent")
    return Markup(
        f'<svg class="chart" role="img" aria-label="{label}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'{"".join(marks)}<text x="{x(last / 2):.0f}" y="{HEIGHT - 6}" text-anchor="middle">'
        "quizzes seen</text></svg>"
    )


def _rule(y: float, label: str) -> str:
    return (
        f'<path class="rule" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
    )


def line_colour(agent: int) -> str:
    """The colour of an agent's line, for the legend."""
    return LINES[agent % len(LINES)]


def accuracy_shade(value: float | None) -> Markup:
    """``shade`` of an accuracy: pale where agents fail, and never so deep as to stand out."""
    return shade(value, 0.5, 1.6)


def shade(value: float | None, low: float, high: float) -> Markup:
    """A style attribute that shades a table cell between ``low`` and ``high``."""
    if value is None:
        return Markup("")
    share = min(1.0, max(0.0, (value - low) / (high - low))) if high > low else 0.0
    return Markup(f'style="background:rgb(0 90 160 / {DEEPEST * share:.2f})"')
