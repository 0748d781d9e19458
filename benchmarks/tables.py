"""Rows in words, for a terminal and for docs/performance.md."""

from __future__ import annotations

from typing import Any

HEADER = ("what", "here", "ratio", "baseline", "its figure", "of floor", "floor")


def markdown(rows: list[dict[str, Any]]) -> str:
    """The rows for docs/performance.md."""
    lines = [HEADER, ["---"] * len(HEADER), *(cells(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cells(row: dict[str, Any]) -> list[str]:
    """A row in words, under HEADER; empty where it has no baseline or no floor."""
    ratio, of_baseline, of_floor, floor = "", "", "", ""
    if row["ratio"]:
        ratio, of_baseline = f"{row['ratio']:.1f}x", figure(row["baseline_value"])
    if row["floor"]:
        of_floor = f"{row['of_floor']:.1%}"
        floor = f"{figure(row['floor'])} {row['unit']}: {row['floor_of']}"
    return [
        f"{row['benchmark']}: {row['case']}",
        f"{figure(row['value'])} {row['unit']}",
        ratio,
        row["baseline"],
        of_baseline,
        of_floor,
        floor,
    ]


def line(row: dict[str, Any]) -> str:
    """A row as one line of a log."""
    what, here, ratio, baseline, _, of_floor, floor = cells(row)
    words = [f"{what}: {here}"]
    if ratio:
        words.append(f"{ratio} of {baseline}")
    if of_floor:
        words.append(f"{of_floor} of {floor}")
    return "; ".join(words)


def figure(value: float) -> str:
    """A number with three digits, or all of a large one."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
