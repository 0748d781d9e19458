"""How universal features are: correlation across agents, between a null and a ceiling.

The null is what chance and trivial layout give; the ceiling is what two SAEs of one and
the same agent give, beyond which no two agents can be expected to agree (Paulo & Belrose
2025 found only 30-42 % of features shared between SAE seeds on one model).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sae.comparison.matches import Matches

ENOUGH = 0.95
"""Share of resamples on which a figure must exist to have an interval."""
CLEAR = 0.01
"""By how much the ceiling must be above the null, at the low end of the 95 % interval of their
difference: below, a quotient by it says nothing."""
Interval = tuple[float, float] | None
"""95 %, or None where there is none."""


@dataclass(frozen=True)
class Universality:
    """How well features match across agents, between a null and a ceiling.

    value: (cross - null) / (ceiling - null); None when the ceiling is not clearly above the null
    (``CLEAR``) or there is none. low, high: its 95 % interval, a percentile bootstrap over
    quizzes. reason: why there is no value, None where there is one. cross, null, ceiling: medians
    over features of r across agents, under the null, and in another SAE of the same agent (NaN
    without one). excess: cross - null; room: ceiling - null. intervals: by name of these five.
    features: how many, each counted once for every other agent.
    """

    value: float | None
    low: float | None
    high: float | None
    reason: str | None
    cross: float
    null: float
    ceiling: float
    excess: float
    room: float
    intervals: dict[str, Interval]
    features: int


@dataclass(frozen=True)
class Triple:
    """r of F features across agents, under a null and in the ceiling: float [F] or, on R
    resamples, float [R, F]. The ceiling is NaN without a second SAE."""

    cross: NDArray[np.floating]
    null: NDArray[np.floating]
    ceiling: NDArray[np.floating]

    def medians(self, chosen: NDArray[np.bool_]) -> dict[str, NDArray[np.floating]]:
        """Medians over the chosen features [F], and what follows from them, by name."""
        cross, null, ceiling = (
            _median(values[..., chosen]) for values in (self.cross, self.null, self.ceiling)
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.where(ceiling > null, (cross - null) / (ceiling - null), np.nan)
        three = {"cross": cross, "null": null, "ceiling": ceiling}
        return {**three, "excess": cross - null, "room": ceiling - null, "value": value}


def universality(r: Triple, resampled: Triple | None) -> Universality:
    """Universality of features from their r [F], and on resamples [R, F] (None: no intervals)."""
    chosen = np.isfinite(r.cross) & np.isfinite(r.null)
    if np.isfinite(r.ceiling).any():
        chosen &= np.isfinite(r.ceiling)
    if not chosen.any():
        nothing, nan = "there is no feature to compare", float("nan")
        return Universality(None, None, None, nothing, nan, nan, nan, nan, nan, {}, 0)
    middle = {name: float(value) for name, value in r.medians(chosen).items()}
    value = middle.pop("value")
    intervals: dict[str, Interval] = {}
    if resampled is not None:
        intervals = {k: _interval(v) for k, v in resampled.medians(chosen).items()}
    low, high = intervals.pop("value", None) or (None, None)
    room = (middle["room"],) * 2 if resampled is None else intervals["room"]
    reason = _no_value(middle["room"], room)
    known = reason is None
    return Universality(
        value if known else None,
        low if known else None,
        high if known else None,
        reason,
        **middle,
        intervals=intervals,
        features=int(chosen.sum()),
    )


def _no_value(room: float, interval: Interval) -> str | None:
    """Why a figure cannot be divided by the room between null and ceiling; None where it can.

    interval: of the room, over quizzes; the room itself, twice, where nothing was resampled; None
    where too few resamples have a room.
    """
    if not np.isfinite(room):
        return "there is no second SAE, which gives the ceiling"
    if interval is None:
        return "the features fire too seldom to tell how far the ceiling is above the null"
    low, high = interval
    if min(low, room) > CLEAR:
        return None
    spread = f", 95 % interval {low:.3f} to {high:.3f}" if low < high else ""
    return (
        f"the ceiling is not clearly above the null: {room:.3f} apart{spread}, so what is "
        f"shared cannot be told from what the null explains"
    )


def universality_of(
    matches: Matches, rows: NDArray[np.bool_], null: str = "null_r"
) -> Universality:
    """Universality of some rows bool [n] of the matches.

    null: the column of the null it is measured against.
    """

    def triple(values: Mapping[str, NDArray[np.floating]]) -> Triple:
        return Triple(*(values[name][..., rows] for name in ("r", null, "ceiling_r")))

    columns = {name: matches.table[name].to_numpy() for name in ("r", null, "ceiling_r")}
    return universality(triple(columns), triple(matches.resampled))


def _median(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Medians over the last axis of what exists: a rare feature may not vary in a resample."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        return np.asarray(np.nanmedian(values, axis=-1))


def _interval(values: NDArray[np.floating]) -> Interval:
    """2.5th and 97.5th percentile of values [R]; None if more than a few do not exist."""
    finite = values[np.isfinite(values)]
    if len(finite) < ENOUGH * len(values) or not len(finite):
        return None
    low, high = np.percentile(finite, [2.5, 97.5])
    return float(low), float(high)
