"""What an experiment finds: a tidy table, verdicts by rules fixed beforehand, and what is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from agents.evaluation import wilson_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import

Answer = Literal["confirmed", "refuted", "open"]
COLUMNS = {
    "unit": "string",
    "measure": "string",
    "by": "string",
    "group": "string",
    "value": "float64",
    "low": "float64",
    "high": "float64",
    "support": "int64",
}
"""Columns of every experiment's table: which unit was measured; what; in which group, and by what
these are told apart ("" for all); the value with its 95 % interval, missing where there is none;
the number of cases behind it, 0 where it is not a count."""


@dataclass(frozen=True)
class Verdict:
    """A claim and what became of it.

    claim: a sentence that can be false. rule: when it counts as confirmed or refuted, fixed before
    anything was measured. because: the figures that decided.
    """

    claim: str
    rule: str
    answer: Answer
    because: str


@dataclass(frozen=True)
class Plot:
    """A figure of the page. name: of its file. draw: onto an empty figure of this size (inches)."""

    name: str
    caption: str
    draw: Callable[[Figure], None]
    size: tuple[float, float] = (7.2, 3.6)


@dataclass(frozen=True)
class Shown:
    """A table of the page, its cells as they are read; the first of a row is its head."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """A part of the page. pictures: SVG elements, each with a line below it."""

    title: str
    text: Sequence[str] = ()
    tables: Sequence[Shown] = ()
    plots: Sequence[Plot] = ()
    pictures: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Findings:
    """All that the units of an experiment come to.

    table: as ``tidy`` makes it. summary: headline figures in JSON's types.
    """

    table: pd.DataFrame
    verdicts: Sequence[Verdict]
    sections: Sequence[Section]
    summary: Mapping[str, Any] = field(default_factory=dict)


def row(
    measure: str,
    value: float,
    *,
    by: str = "",
    group: object = "",
    interval: tuple[float, float] | None = None,
    support: int = 0,
    **settings: object,
) -> dict[str, Any]:
    """One row of a table. settings: columns of the experiment itself, such as the seed."""
    low, high = (float("nan"),) * 2 if interval is None else interval
    return {
        **settings,
        "measure": measure,
        "by": by,
        "group": str(group),
        "value": float(value),
        "low": low,
        "high": high,
        "support": support,
    }


def share(measure: str, hits: int, total: int, **others: Any) -> dict[str, Any]:
    """A row for a share, with its Wilson interval. Raises ZeroDivisionError for a total of 0."""
    interval = wilson_interval(hits, total)
    return row(measure, hits / total, interval=interval, support=total, **others)


def tidy(rows: Iterable[Mapping[str, Any]], settings: Mapping[str, str]) -> pd.DataFrame:
    """Rows as a table: the experiment's own columns first, then COLUMNS.

    settings: pandas' type of each column that only this experiment has. Raises KeyError for a
    row that lacks a column.
    """
    types = {**settings, **COLUMNS}
    table = pd.DataFrame(list(rows), columns=None)
    if table.empty:
        table = pd.DataFrame({name: [] for name in types})
    return table[list(types)].astype(types)
