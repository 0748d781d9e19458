"""How far the parts of two networks do the same: between a null and a ceiling.

The prompts are cut in halves. Profiles of the one network on one half are matched with those of
the other on the other half; the ceiling is a network matched with itself on the other half, and
under a null the second network's profiles are taken apart. All are searched for alike, so what a
search finds by chance is in all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray

from agents.circuits.profiles.matching import Shares, assign, best_cosine, cosine, cosines
from agents.circuits.profiles.measuring import Profiles

Halves = Float[NDArray[np.float64], "N P C W"]
"""Profiles of the same P parts on N halves of the prompts."""
Others = Float[NDArray[np.float64], "N Q C W"]
"""The same of the Q parts of another network."""
Last = Bool[NDArray[np.bool_], " Q"]
"""Of each part, whether it is in the last layer, where fewer read what it writes."""
Draw = Callable[[Others, Last, np.random.Generator], Others]
CLEAR = 0.01
"""By how much the ceiling must be above the null for a quotient by their difference to be given."""


def dealt(b: Others, last: Last, rng: np.random.Generator) -> Others:
    """In every condition the effects of all parts, dealt out to other parts with the same readers.

    It keeps what all parts together do in each condition, as the task and the ways decide it, and
    that parts of the last layer can do nothing by later heads, as any two networks have in common.
    It breaks which effects are those of one part.
    """
    order = np.indices(b.shape[1:])[0]
    for rows in (np.flatnonzero(last), np.flatnonzero(~last)):
        order[rows] = rng.permuted(order[rows], axis=0)
    return np.take_along_axis(b, order[None], axis=1)


def shuffled(b: Others, last: Last, rng: np.random.Generator) -> Others:
    """Of every part, and by every way, the effects of the changes in another order.

    It keeps how much each part does by each way. It breaks what that depends on.
    """
    order = rng.permuted(np.indices(b.shape[1:])[1], axis=1)
    return np.take_along_axis(b, order[None], axis=2)


NULLS: Mapping[str, Draw] = {"effects dealt": dealt, "changes shuffled": shuffled}
"""By name; under each, parts are matched again by search. All halves are taken apart alike: they
are of one network, and a mean over them must vary as that of two networks does."""
PAIRED = "heads at random"
"""A weaker one: profiles as they are, of parts paired at random, without a search."""


@dataclass(frozen=True)
class Agreement:
    """How far two networks' parts do the same, as the cosine of all matched profiles.

    between, ceiling: with 95 % intervals (low, high) over prompts; the ceiling is the mean of both
    networks' own. nulls: means over draws, by name. p: by name, the share of draws that reach
    ``between``, at least 1 / (draws + 1). value: (between - null) / (ceiling - null) with its
    interval, the null the highest of those that are searched; None where the ceiling is not clear
    of it. in_place: share of the effects (squared) of parts that are matched with the part of the
    same number.
    """

    between: float
    between_interval: tuple[float, float]
    ceiling: float
    ceiling_interval: tuple[float, float]
    nulls: Mapping[str, float]
    p: Mapping[str, float]
    value: float | None
    interval: tuple[float, float] | None
    in_place: float

    @property
    def null(self) -> float:
        """The highest of those that are searched."""
        return max(self.nulls[name] for name in NULLS)


def agreement(
    a: Profiles, b: Profiles, rng: np.random.Generator, resamples: int = 300, draws: int = 199
) -> Agreement:
    """Of the parts of two networks, of one kind, on the same prompts.

    Raises ValueError where prompts or changes differ in number.
    """
    if a.effects.shape[1:] != b.effects.shape[1:]:
        raise ValueError("profiles of other prompts or changes cannot be matched")
    weights = _half_weights(len(a.metric), rng, resamples)
    a1, a2, b1, b2 = (of.weighted(half) for of in (a, b) for half in weights)
    between = _mean_best((a1, b2), (a2, b1))
    ceiling = _mean_best((a1, a2), (b1, b2))
    crossed = np.stack([a1[0], a2[0]]), np.stack([b2[0], b1[0]])
    layers = np.array([part.layer for part in b.parts])
    last = layers == layers.max()
    drawn = {name: _drawn(draw, *crossed, last, rng, draws) for name, draw in NULLS.items()}
    drawn[PAIRED] = _paired(*crossed, rng, draws)
    nulls = {name: float(values.mean()) for name, values in drawn.items()}
    null = max(nulls[name] for name in NULLS)
    p = {n: (1 + int((v >= between[0] - 1e-9).sum())) / (1 + draws) for n, v in drawn.items()}
    room = ceiling - null
    clear = _interval(room)[0] > CLEAR
    value = (between - null) / room if clear else None
    return Agreement(
        float(between[0]),
        _interval(between),
        float(ceiling[0]),
        _interval(ceiling),
        nulls,
        p,
        None if value is None else float(value[0]),
        None if value is None else _interval(value),
        _in_place(a, b),
    )


def _half_weights(
    count: int, rng: np.random.Generator, resamples: int
) -> list[Float[NDArray[np.float64], "R B"]]:
    """Of a random half of the prompts and of the others: as they are, then resampled with
    replacement."""
    weights = []
    for rows in np.array_split(rng.permutation(count), 2):
        drawn = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=resamples)
        of_half = np.zeros((1 + resamples, count))
        of_half[0, rows] = 1 / len(rows)
        of_half[1:, rows] = drawn / len(rows)
        weights.append(of_half)
    return weights


def _mean_best(*pairs: tuple[Shares, Shares]) -> Float[NDArray[np.float64], " R"]:
    """On every resample, the mean over pairs of the cosine of the best assignment."""
    found = [[best_cosine(x, y) for x, y in zip(one, other, strict=True)] for one, other in pairs]
    return np.mean(found, axis=0)


def _drawn(
    draw: Draw, a: Halves, b: Others, last: Last, rng: np.random.Generator, draws: int
) -> Float[NDArray[np.float64], " D"]:
    return np.array([np.mean([*map(best_cosine, a, draw(b, last, rng))]) for _ in range(draws)])


def _paired(
    a: Halves, b: Others, rng: np.random.Generator, draws: int
) -> Float[NDArray[np.float64], " D"]:
    """Parts left over, where one network has more, are paired with none."""
    count, others = a.shape[1], b.shape[1]
    found = []
    for _ in range(draws):
        order = rng.permutation(max(count, others))[:count]
        order[order >= others] = -1
        found.append(np.mean([cosine(x, y, order) for x, y in zip(a, b, strict=True)]))
    return np.array(found)


def _in_place(a: Profiles, b: Profiles) -> float:
    one = a.shares()
    size = (one**2).sum(axis=(1, 2))
    kept = assign(one, b.shares()) == np.arange(len(one))
    return float(size[kept].sum() / size.sum()) if size.any() else 0.0


def _interval(values: Float[NDArray[np.float64], " R"]) -> tuple[float, float]:
    """Of 95 %; the first value is that of the prompts as they are, the others of resamples.

    Resampling adds noise, and noise lowers a cosine. So percentiles are moved by the bias, the mean
    of the resamples less the first value (B. Efron and R. Tibshirani, "An introduction to the
    bootstrap", 1993, chapter 10).
    """
    resampled = values[1:] if len(values) > 1 else values
    low, high = np.quantile(resampled, [0.025, 0.975]) - (resampled.mean() - values[0])
    return float(low), float(high)


@dataclass(frozen=True)
class Matched:
    """Which part of ``b`` each of P parts of ``a`` is matched with, on all prompts together.

    part: int64 [P], -1 for none. cosine: float64 [P], of the two profiles. size_a, size_b: float64
    [P], lengths of the profiles, in shares of the metric. stable: float64 [P], the share of
    resamples of prompts in which the match is the same.
    """

    part: Int[NDArray[np.int64], " P"]
    cosine: Float[NDArray[np.float64], " P"]
    size_a: Float[NDArray[np.float64], " P"]
    size_b: Float[NDArray[np.float64], " P"]
    stable: Float[NDArray[np.float64], " P"]


def match_heads(
    a: Profiles, b: Profiles, rng: np.random.Generator, resamples: int = 300
) -> Matched:
    """The best assignment of the parts of two networks, of one kind, on the same prompts."""
    one, other = a.shares(), b.shares()
    found, count = assign(one, other), len(a.metric)
    weights = rng.multinomial(count, np.full(count, 1 / count), size=resamples) / count
    again = [assign(x, y) for x, y in zip(a.weighted(weights), b.weighted(weights), strict=True)]
    sizes = (np.linalg.norm(x.reshape(len(x), -1), axis=1) for x in (one, other))
    size_a, size_b = sizes
    return Matched(
        found,
        cosines(one, other, found),
        size_a,
        np.where(found >= 0, size_b[np.maximum(found, 0)], 0.0),
        np.mean([x == found for x in again], axis=0) if again else np.full(len(one), np.nan),
    )
