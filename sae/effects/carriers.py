"""Which features carry what a sequence tells at one place, chosen on half of the sequences and
measured on the others; and whether features that carry it are shared more than others are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray

from sae.effects.exchange import Exchange

LEAST = 0.001
"""Share of the whole effect that a feature must carry beyond chance to count as a carrier. Little,
since one feature alone does little where attention is sharp."""
FEWEST = 3
"""Sequences in which an activation changes, for a share over these."""
SIGNAL = 0.1
"""Share of the metric that the whole effect must be beyond chance: else nothing is told."""
TOP = (1, 2, 4, 8, 16, 32)
"""How many of the first features are exchanged together."""
NEAREST = 5
"""A feature is compared with one drawn among so many that fire nearly as often."""
Ends = tuple[float, float]


@dataclass(frozen=True)
class Top:
    """What the first so many features carry together, a share of the whole with its interval; and
    as many others that fire about as often: the mean over draws, the least and the most."""

    features: int
    share: float
    interval: Ends
    others: float
    spread: Ends


@dataclass(frozen=True)
class Carried:
    """What F features carry to some readers.

    whole: the effect of the whole change, a share of the metric, with its 95 % interval over
    sequences. told: whether it is beyond ``SIGNAL``, on either side. left_out: share of the whole
    that no feature has. order: features whose activation changes, by what they carry on the half
    of choice. share, low, high: float64 [F], share of the whole on the other half. local: float64
    [F], share of the whole over those of all sequences in which a feature's activation changes; NaN
    for fewer than ``FEWEST``. carriers: bool [F], low above ``LEAST``. Shares are NaN, and
    carriers and top are none, where nothing is told.
    """

    whole: float
    interval: Ends
    told: bool
    left_out: float
    order: Int[NDArray[np.int64], " n"]
    share: Float[NDArray[np.float64], " F"]
    low: Float[NDArray[np.float64], " F"]
    high: Float[NDArray[np.float64], " F"]
    local: Float[NDArray[np.float64], " F"]
    carriers: Bool[NDArray[np.bool_], " F"]
    top: Sequence[Top]


def carried(
    exchange: Exchange,
    readers: str,
    metric: float,
    rng: np.random.Generator,
    resamples: int = 300,
    draws: int = 10,
) -> Carried:
    """Of all features. metric: its mean over the sequences as they are."""
    chosen, reported = np.array_split(rng.permutation(len(exchange.change)), 2)
    whole, single = exchange.whole(readers), exchange.single(readers)
    weights = _resampled(len(reported), rng, resamples)
    wholes = weights @ whole[reported]
    low, high = _ends(wholes / metric)
    changing = np.flatnonzero((exchange.codes != 0).any(dim=0).numpy())
    sign, mean = np.sign(whole[chosen].mean()), whole[reported].mean()
    order = changing[np.argsort(-sign * single[chosen].mean(axis=0)[changing], kind="stable")]
    if not (low > SIGNAL or high < -SIGNAL):
        nothing, nan = np.full(single.shape[1], np.nan), float("nan")
        none = np.zeros(single.shape[1], dtype=np.bool_)
        told = (float(mean / metric), (low, high), False)
        return Carried(*told, nan, order, nothing, nothing, nothing, nothing, none, ())
    ends = np.quantile(weights @ single[reported] / wholes[:, None], [0.025, 0.975], axis=0)

    local = _local(single, whole, (exchange.codes != 0).numpy())

    def together(features: NDArray[np.int64]) -> NDArray[np.float64]:
        return exchange.together(features, readers)[reported]

    def top(size: int) -> Top:
        effect = together(order[:size])
        drawn = [like(order[:size], exchange.fires, order[:size], rng) for _ in range(draws)]
        others = [float(together(features).mean() / mean) for features in drawn]
        interval, spread = _ends(weights @ effect / wholes), (min(others), max(others))
        return Top(size, float(effect.mean() / mean), interval, float(np.mean(others)), spread)

    return Carried(
        float(mean / metric),
        (low, high),
        True,
        float(exchange.left_out(readers)[reported].mean() / mean),
        order,
        single[reported].mean(axis=0) / mean,
        ends[0],
        ends[1],
        local,
        np.asarray(ends[0] > LEAST),
        [top(size) for size in TOP if size <= len(order)],
    )


def _local(
    single: NDArray[np.float64], whole: NDArray[np.float64], changed: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Of every feature, its share of the whole over the sequences in which it changes."""
    there = (changed * whole[:, None]).sum(axis=0)
    known = (changed.sum(axis=0) >= FEWEST) & (there != 0)
    nothing = np.full(single.shape[1], np.nan)
    return np.divide(single.sum(axis=0), there, out=nothing, where=known)


def _resampled(
    count: int, rng: np.random.Generator, resamples: int
) -> Float[NDArray[np.float64], "R n"]:
    """Weights of a bootstrap."""
    return rng.multinomial(count, np.full(count, 1 / count), size=resamples) / count


def _ends(values: NDArray[np.float64]) -> Ends:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def like(
    features: NDArray[np.int64],
    fires: Float[NDArray[np.float64], " F"],
    but: NDArray[np.int64],
    rng: np.random.Generator,
) -> Int[NDArray[np.int64], " n"]:
    """For every feature another that fires about as often, drawn among the nearest; none of
    ``but``, and none twice while there are others."""
    free = np.setdiff1d(np.flatnonzero(fires > 0), but)
    if not len(free):
        free = np.setdiff1d(np.arange(len(fires)), but)
    found: list[int] = []
    for feature in features:
        left = np.setdiff1d(free, found)
        left = left if len(left) else free
        if not len(left):
            return np.array(found, dtype=np.int64)
        near = left[np.argsort(np.abs(fires[left] - fires[feature]), kind="stable")[:NEAREST]]
        found.append(int(rng.choice(near)))
    return np.array(found, dtype=np.int64)


@dataclass(frozen=True)
class Contrast:
    """How often something is true of some features, and of others that fire about as often.

    difference: with its 95 % interval over features; NaN where there is none. features: how many.
    """

    of_features: float
    of_others: float
    difference: float
    interval: Ends
    features: int


def contrast(
    true: Sequence[float], others: Sequence[float], rng: np.random.Generator, resamples: int = 2000
) -> Contrast:
    """true, others: of every feature, and the mean of those drawn like it; a pair each."""
    if not len(true):
        nan = float("nan")
        return Contrast(nan, nan, nan, (nan, nan), 0)
    x, y = np.asarray(true, dtype=np.float64), np.asarray(others, dtype=np.float64)
    weights = _resampled(len(x), rng, resamples)
    return Contrast(
        float(x.mean()), float(y.mean()), float((x - y).mean()), _ends(weights @ (x - y)), len(x)
    )
