"""Figures as they are read on the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from agents.evaluation import wilson_interval

NONE = "-"


def middle(values: Sequence[float]) -> str:
    """Median and range."""
    if not values:
        return NONE
    return f"{np.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def share(hits: int, total: int) -> str:
    """A share with its Wilson interval and the cases behind it."""
    if not total:
        return NONE
    low, high = wilson_interval(hits, total)
    return f"{hits / total:.1%} ({low:.1%} to {high:.1%}; {total})"


def interval(row: Mapping[str, Any], name: str = "value") -> str:
    """A figure with its ``low`` and ``high``."""
    return f"{row[name]:.3f} ({row['low']:.3f} to {row['high']:.3f})"


def mean(rows: Sequence[Mapping[str, Any]], name: str) -> str:
    """The mean of a figure over the rows that have it."""
    known = [row[name] for row in rows if row[name] is not None]
    return f"{np.mean(known):.3f}" if known else NONE
