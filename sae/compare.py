"""The comparison of all agents' features: every pair, the nulls, the ceiling, the families.

Works on codes alone, so the same code compares agents, seeds and synthetic dictionaries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sae.config import SAEConfig
from sae.families import Family, find_families, find_links, histogram
from sae.features import Features, Resampler
from sae.harvest import TokenRows
from sae.matching import FeatureMatch, assign, best_match, mutual_best, spread
from sae.nulls import nulls
from sae.universality import Universality, resample_weights, universality
from world import Stream

Tick = Callable[[int, int], None]
"""(pairs done, pairs in all)."""
LINK_PERCENTILE = 99.9
"""Percentile of the null's own excess that a link of a family must exceed."""
MIN_R = (0.5, 0.7, 0.9)
"""Stricter demands on the r of links, for which sharing is counted too."""


@dataclass(frozen=True)
class Direction:
    """Features of one agent looking for themselves in another; C compared features.

    match: what was found. index: int64 [C], the features compared. null_best: by null,
    float64 [P, C], best r in each permutation. ceiling: float64 [C].
    resampled: float64 [R, C] each, r on resamples across agents, in the first permutation of
    the first null, and in another SAE of the same agent.
    """

    match: FeatureMatch
    index: NDArray[np.int64]
    null_best: dict[str, NDArray[np.float64]]
    ceiling: NDArray[np.float64]
    resampled: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class Comparison:
    """All pairs of agents compared.

    directions: by ordered pair of agent numbers. overall: universality by null, of all
    features of all agents; the first null's has an interval. pairs: the same of every
    unordered pair, under the first null. unmoved: by null, the share of rows that its
    permutations leave in place. threshold: by how much the r of a mutual best match must
    exceed both features' null to link them into families. shared: features shared by k
    agents; shared_above: the same if links need an r above the key. tokens, quizzes: what was
    compared on.
    """

    directions: dict[tuple[int, int], Direction]
    overall: dict[str, Universality]
    pairs: dict[tuple[int, int], Universality]
    unmoved: dict[str, float]
    threshold: float
    families: list[Family]
    shared: dict[int, int]
    shared_above: dict[float, dict[int, int]]
    tokens: int
    quizzes: int


@dataclass(frozen=True)
class _Ceiling:
    """Best r of an agent's features [C] in its own other SAEs, and the first of them resampled."""

    r: NDArray[np.float64]
    resampled: NDArray[np.float64]


def compare_features(
    features: Mapping[int, Sequence[Features]],
    rows: TokenRows,
    config: SAEConfig,
    stream: Stream,
    tick: Tick | None = None,
) -> Comparison:
    """Compare agents by the features of their first SAE; their other SAEs are the ceiling.

    features: by agent number, one per SAE seed, all on the tokens of ``rows``. Raises
    ValueError for fewer than two agents or codes of other tokens.
    """
    _check(features, rows)
    weights = resample_weights(
        rows.quizzes, config.resamples, stream.with_role("bootstrap").generator()
    )
    resampler = Resampler(weights, rows.quiz)
    ceilings = {agent: _ceiling(seeds, resampler) for agent, seeds in features.items()}
    orders = _permutations(rows, config, stream)
    agents, done = sorted(features), 0
    directions: dict[tuple[int, int], Direction] = {}
    for place, b in enumerate(agents[1:], 1):
        permuted = {
            name: [features[b][0].codes[order] for order in orders[name]] for name in orders
        }
        for a in agents[:place]:
            pair = _Pair((a, b), features[a], features[b], permuted, resampler, config.site)
            directions[a, b], directions[b, a] = pair.directions(ceilings[a], ceilings[b])
            done += 1
            if tick:
                tick(done, len(agents) * (len(agents) - 1) // 2)
    unmoved = {name: _unmoved(found) for name, found in orders.items()}
    return _summed(directions, features, unmoved, rows)


def _check(features: Mapping[int, Sequence[Features]], rows: TokenRows) -> None:
    if len(features) < 2:
        raise ValueError(f"a comparison needs at least two agents, got {len(features)}")
    for agent, seeds in features.items():
        for found in seeds:
            if found.moments.tokens != len(rows):
                raise ValueError(
                    f"codes of agent {agent} cover {found.moments.tokens} tokens, "
                    f"rows cover {len(rows)}"
                )


def _permutations(
    rows: TokenRows, config: SAEConfig, stream: Stream
) -> dict[str, list[NDArray[np.int64]]]:
    return {
        name: [
            nulls[name](rows, stream.with_role(f"null-{name}").generator(p))
            for p in range(config.permutations)
        ]
        for name in config.nulls
    }


def _unmoved(orders: Sequence[NDArray[np.int64]]) -> float:
    return float(np.mean([(order == np.arange(len(order))).mean() for order in orders]))


def _ceiling(seeds: Sequence[Features], resampler: Resampler) -> _Ceiling:
    first = seeds[0]
    if len(seeds) < 2:
        shape = (len(resampler.weights), len(first.index))
        return _Ceiling(np.full(len(first.index), np.nan), np.full(shape, np.nan))
    found = [best_match(first.correlation(other)) for other in seeds[1:]]
    r = np.mean([best for _, best in found], axis=0)
    return _Ceiling(r, resampler.correlation(first.codes, seeds[1].codes, found[0][0]))


@dataclass(frozen=True)
class _Pair:
    """Two agents a < b; ``permuted``: codes of b under every permutation of every null."""

    agents: tuple[int, int]
    a: Sequence[Features]
    b: Sequence[Features]
    permuted: dict[str, list[sparse.csr_array]]
    resampler: Resampler
    site: str

    def directions(self, a: _Ceiling, b: _Ceiling) -> tuple[Direction, Direction]:
        """From a to b and from b to a."""
        x, y = self.a[0], self.b[0]
        r = x.correlation(y)
        null_r = {
            name: [x.correlation(y, codes) for codes in permuted]
            for name, permuted in self.permuted.items()
        }
        shuffled = next(iter(self.permuted.values()))[0]
        null_t = {name: [r.T for r in found] for name, found in null_r.items()}
        forward = _Side(self.agents, x, y, (x.codes, y.codes), (x.codes, shuffled), a)
        backward = _Side(self.agents[::-1], y, x, (y.codes, x.codes), (shuffled, x.codes), b)
        return (
            forward.direction(r, null_r, self.resampler, self.site),
            backward.direction(r.T, null_t, self.resampler, self.site),
        )


@dataclass(frozen=True)
class _Side:
    """One direction of a pair: codes of (asking, asked) as they are and under the first null."""

    agents: tuple[int, int]
    asking: Features
    asked: Features
    codes: tuple[sparse.csr_array, sparse.csr_array]
    shuffled: tuple[sparse.csr_array, sparse.csr_array]
    ceiling: _Ceiling

    def direction(
        self,
        r: NDArray[np.float64],
        null_r: dict[str, list[NDArray[np.float64]]],
        resampler: Resampler,
        site: str,
    ) -> Direction:
        """Matches, null and resamples from the correlations r [C, C'] and those of the nulls."""
        best = {
            name: np.stack([best_match(found)[1] for found in tables])
            for name, tables in null_r.items()
        }
        null_match = best_match(next(iter(null_r.values()))[0])[0]
        resampled = (
            resampler.correlation(*self.codes, best_match(r)[0]),
            resampler.correlation(*self.shuffled, null_match),
            self.ceiling.resampled,
        )
        match = self._match(r, {name: found.mean(axis=0) for name, found in best.items()}, site)
        return Direction(match, self.asking.index, best, self.ceiling.r, resampled)

    def _match(
        self, r: NDArray[np.float64], null_r: dict[str, NDArray[np.float64]], site: str
    ) -> FeatureMatch:
        """The matches, spread over all F features of the asking agent."""
        found, best = best_match(r)
        assigned = assign(r)
        names = np.append(self.asked.index, -1)
        asking, size = self.asking.index, self.asking.size

        def over_all(values: NDArray[Any], fill: float) -> NDArray[Any]:
            return spread(values, asking, size, fill)

        return FeatureMatch(
            *self.agents,
            site=site,
            tokens=self.asking.moments.tokens,
            feature_b=over_all(names[found], -1),
            r=over_all(best, np.nan),
            mutual=over_all(mutual_best(found, best_match(r.T)[0]), False),
            assigned=over_all(names[assigned], -1),
            assigned_r=over_all(_picked(r, assigned), np.nan),
            firings_a=self.asking.firings,
            firings_b=over_all(np.where(found >= 0, self._fired(found), 0), 0),
            null_r={name: over_all(values, np.nan) for name, values in null_r.items()},
            ceiling_r=over_all(self.ceiling.r, np.nan),
        )

    def _fired(self, found: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.append(self.asked.moments.firings, 0)[found]


def _picked(r: NDArray[np.float64], column: NDArray[np.int64]) -> NDArray[np.float64]:
    """r [Fa, Fb] at each row's column, NaN for -1."""
    padded = np.concatenate([r, np.full((len(r), 1), np.nan)], axis=1)
    return padded[np.arange(len(r)), column]


def _summed(
    directions: dict[tuple[int, int], Direction],
    features: Mapping[int, Sequence[Features]],
    unmoved: dict[str, float],
    rows: TokenRows,
) -> Comparison:
    agents, all_found = sorted(features), list(directions.values())
    first = next(iter(unmoved))
    links = find_links({pair: d.match for pair, d in directions.items()}, first)
    threshold = _chance_excess([d.null_best[first] for d in all_found])
    families = find_families(links, threshold)
    compared = {agent: len(features[agent][0].index) for agent in agents}
    return Comparison(
        directions=directions,
        overall={name: _universality(all_found, name, name == first) for name in unmoved},
        pairs={
            (a, b): _universality([directions[a, b], directions[b, a]], first, True)
            for a, b in combinations(agents, 2)
        },
        unmoved=unmoved,
        threshold=threshold,
        families=families,
        shared=histogram(families, compared),
        shared_above={r: histogram(find_families(links, threshold, r), compared) for r in MIN_R},
        tokens=len(rows),
        quizzes=rows.quizzes,
    )


def _chance_excess(null_best: Sequence[NDArray[np.float64]]) -> float:
    """How far the null's best r exceeds its own mean by chance: a percentile, over features.

    Each permutation [P, C] is held against the mean of the others. A bound on r itself would
    not do: features that a cell determines have a null near 1, others one near 0.
    """
    excess = []
    for best in null_best:
        others = (best.sum(axis=0) - best) / (len(best) - 1)
        excess.append((best - others).ravel())
    pooled = np.concatenate(excess)
    pooled = pooled[np.isfinite(pooled)]
    return float(np.percentile(pooled, LINK_PERCENTILE)) if len(pooled) else float("nan")


def _universality(found: Sequence[Direction], null: str, interval: bool) -> Universality:
    """Universality of the features of several directions together."""
    columns = zip(*(d.resampled for d in found), strict=True)
    resampled = [np.concatenate(parts, axis=1) for parts in columns]
    return universality(
        np.concatenate([d.match.r[d.index] for d in found]),
        np.concatenate([d.null_best[null].mean(axis=0) for d in found]),
        np.concatenate([d.ceiling for d in found]),
        resampled if interval else None,
    )
