"""How universal features are: correlation across agents, between a null and a ceiling.

The null is what chance and trivial layout give; the ceiling is what two SAEs of one and
the same agent give, beyond which no two agents can be expected to agree (Paulo & Belrose
2025 found only 30-42 % of features shared between SAE seeds on one model).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from threading import Lock
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from sae.matching.correlation import Codes, grouped_moments, grouped_products

BLOCK = 1024
"""Features resampled at a time: sums by quiz are dense."""


@dataclass(frozen=True)
class Spread:
    """Mean and variance of F features on R resamples, float64 [R, F]; no variance is NaN."""

    mean: NDArray[np.float64]
    variance: NDArray[np.float64]


@dataclass
class _Kept:
    """The spread of a set of codes, once it is measured, and what its measuring is done under."""

    lock: Lock = field(default_factory=Lock)
    spread: Spread | None = None


@dataclass(frozen=True)
class Resampler:
    """Correlations of given pairs of features on bootstrap resamples of quizzes.

    weights: float64 [R, Q], how often each quiz is in each resample. quiz: int64 [N].
    Sums over the tokens of each quiz suffice for every resample. Those of a set of codes are
    formed once, and forgotten with the codes: they are asked for in pair after pair, and by
    several threads at a time.
    """

    weights: NDArray[np.float64]
    quiz: NDArray[np.int64]
    _known: WeakKeyDictionary[Codes, _Kept] = field(default_factory=WeakKeyDictionary, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def correlation(self, x: Codes, y: Codes, match: NDArray[np.int64]) -> NDArray[np.float32]:
        """float32 [R, C]: r of each feature of x [N, C] with its match [C] in y, NaN for -1 and
        without variance."""
        r = np.full((len(self.weights), x.size), np.nan, dtype=np.float32)
        if not (match >= 0).any():
            return r
        ours, theirs = self._spread(x), self._spread(y)
        for some in _blocks(np.flatnonzero(match >= 0)):
            found = match[some]
            sums = grouped_products(x.values[:, some], y.values, found, self.quiz, self._quizzes)
            shared = self._mean(sums) - ours.mean[:, some] * theirs.mean[:, found]
            r[:, some] = shared / np.sqrt(ours.variance[:, some] * theirs.variance[:, found])
        return r

    def _spread(self, codes: Codes) -> Spread:
        with self._lock:
            kept = self._known.setdefault(codes, _Kept())
        # A lock for each set of codes: others are measured meanwhile.
        with kept.lock:
            if kept.spread is None:
                kept.spread = self._measured(codes)
        return kept.spread

    def _measured(self, codes: Codes) -> Spread:
        shape = len(self.weights), codes.size
        mean, square = np.empty(shape), np.empty(shape)
        for some in _blocks(np.arange(codes.size)):
            sums = grouped_moments(codes.values[:, some], self.quiz, self._quizzes)
            mean[:, some], square[:, some] = self._mean(sums[0]), self._mean(sums[1])
        variance = square - mean**2
        varies = variance > 1e-12 * (mean**2 + 1e-30)
        return Spread(mean, np.where(varies, variance, np.nan))

    def _mean(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64 [R, F]: mean over the tokens of each resample, of sums by quiz [Q, F]."""
        tokens = np.bincount(self.quiz, minlength=self._quizzes)
        return np.asarray(self.weights @ sums / (self.weights @ tokens)[:, None])

    @property
    def _quizzes(self) -> int:
        return self.weights.shape[1]


def _blocks(features: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return np.array_split(features, -(-len(features) // BLOCK) or 1)


def resample_weights(
    source: NDArray[np.int64], resamples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """float64 [R, Q]: how often each quiz is drawn in each bootstrap resample.

    source: [Q], 0 .. S - 1. Quizzes of one source, such as one quiz in several layouts, are
    no independent observations and are drawn together.
    """
    count = int(source.max(initial=-1)) + 1
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=resamples)
    return drawn[:, source].astype(np.float64)


ENOUGH = 0.95
"""Share of resamples on which a figure must exist to have an interval."""
Interval = tuple[float, float] | None
"""95 %, or None where there is none."""


@dataclass(frozen=True)
class Universality:
    """How well features match across agents, between a null and a ceiling.

    value: (cross - null) / (ceiling - null); None when the ceiling is not above the null or
    there is none. low, high: its 95 % interval, a percentile bootstrap over quizzes.
    cross, null, ceiling: medians over features of r across agents, under the null, and in
    another SAE of the same agent (NaN without one). excess: cross - null. intervals: by name of
    these four. features: how many, each counted once for every other agent.
    """

    value: float | None
    low: float | None
    high: float | None
    cross: float
    null: float
    ceiling: float
    excess: float
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
        found = {"cross": cross, "null": null, "ceiling": ceiling}
        return {**found, "excess": cross - null, "value": value}


def universality(found: Triple, resampled: Triple | None) -> Universality:
    """Universality of features from their r [F], and on resamples [R, F] (None: no intervals)."""
    chosen = np.isfinite(found.cross) & np.isfinite(found.null)
    if np.isfinite(found.ceiling).any():
        chosen &= np.isfinite(found.ceiling)
    if not chosen.any():
        nan = float("nan")
        return Universality(None, None, None, nan, nan, nan, nan, {}, 0)
    middle = {name: float(value) for name, value in found.medians(chosen).items()}
    value = middle.pop("value")
    intervals: dict[str, Interval] = {}
    if resampled is not None:
        intervals = {k: _interval(v) for k, v in resampled.medians(chosen).items()}
    low, high = intervals.pop("value", None) or (None, None)
    known = np.isfinite(value)
    return Universality(
        value if known else None,
        low if known else None,
        high if known else None,
        **middle,
        intervals=intervals,
        features=int(chosen.sum()),
    )


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
