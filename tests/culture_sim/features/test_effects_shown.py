"""What the effects command prints: on how much every figure stands, and the contrasts first."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from culture_sim.features.effects_shown import tables_of


def row(figure, value, pairs, groups):
    return {
        "figure": figure, "value": value, "low": value - 0.1, "high": value + 0.1,
        "pairs": pairs, "groups": groups,
    }  # fmt: skip


@pytest.fixture
def found():
    """A match in more pairs than the second-best one."""
    return {
        "features": [],
        "family_effects": {
            "families": 1591, "max_q": 0.05, "lowers_accuracy": 12, "raises_accuracy": 3,
        },
        "fingerprints": [
            row("match", 0.5, 1360, 38), row("second", 0.2, 113, 25),
            row("match - second", 0.4, 113, 25),
        ],
        "substitution": [
            row("driven_match", 0.9, 186, 28), row("driven_second", 0.6, 84, 23),
            row("driven_match - driven_second", 0.25, 84, 23),
        ],
    }  # fmt: skip


def said(tables):
    console = Console(file=io.StringIO(), width=120)
    for table in tables:
        console.print(table)
    lines = console.file.getvalue().splitlines()
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


def test_every_figure_stands_beside_its_pairs_and_families(found):
    lines = said(tables_of(found))
    for line in (
        ["r of fingerprints: match", "0.50", "0.40 to 0.60", "1,360", "38"],
        ["r of fingerprints: second", "0.20", "0.10 to 0.30", "113", "25"],
        ["r of fingerprints: match - second", "0.40", "0.30 to 0.50", "113", "25"],
        ["1,591", "12", "3"],
        ["recovered: driven_match - driven_second", "0.25", "0.15 to 0.35", "84", "23"],
    ):
        assert lines.count(line) == 1


def test_differences_within_pairs_come_before_single_figures(found):
    figures = [line[0] for line in said(tables_of(found)) if ": " in line[0]]
    assert [" - " in figure for figure in figures] == [True, True, False, False, False, False]
