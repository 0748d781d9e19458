"""The comparison of all agents' features: every pair, the nulls, the ceiling, the families.

Works on codes alone, so the same code compares agents, seeds and synthetic dictionaries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from sae.config import SAEConfig
from sae.families import Family, find_families, find_links, histogram
from sae.features import Features, Resampler
from sae.harvest import TokenRows
from sae.nulls import nulls
from sae.pair import Ceiling, Direction, Pair, find_ceiling
from sae.threads import side_by_side
from sae.universality import Universality, resample_weights, universality
from world import Stream

Tick = Callable[[int, int], None]
"""(pairs done, pairs in all)."""
CHANCE_NULL = "within_task"
"""The null whose fluctuations are chance's: it leaves quizzes whole."""
LINK_PERCENTILE = 99.9
"""Percentile of the null's own excess that a link of a family must exceed."""
MIN_R = (0.5, 0.7, 0.9)
"""Stricter demands on the r of links, for which sharing is counted too."""


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
        rows.source, config.resamples, stream.with_role("bootstrap").generator()
    )
    resampler = Resampler(weights, rows.quiz)
    agents = sorted(features)
    own = [partial(find_ceiling, features[agent], resampler) for agent in agents]
    ceilings = dict(zip(agents, side_by_side(own), strict=True))
    orders = _permutations(rows, config, stream)
    directions: dict[tuple[int, int], Direction] = {}
    found = _all_pairs(features, ceilings, orders, resampler, config.site)
    for (a, b), (forward, backward) in found:
        directions[a, b], directions[b, a] = forward, backward
        if tick:
            tick(len(directions) // 2, len(agents) * (len(agents) - 1) // 2)
    unmoved = {name: _unmoved(order) for name, order in orders.items()}
    return _summed(directions, features, unmoved, rows)


def _all_pairs(
    features: Mapping[int, Sequence[Features]],
    ceilings: Mapping[int, Ceiling],
    orders: Mapping[str, Sequence[NDArray[np.int64]]],
    resampler: Resampler,
    site: str,
) -> Iterator[tuple[tuple[int, int], tuple[Direction, Direction]]]:
    """Both directions of every pair of agents a < b, by b, whose codes are permuted only once."""
    agents = sorted(features)
    for place, b in enumerate(agents[1:], 1):
        codes = features[b][0].codes
        permuted = {name: [codes[order] for order in orders[name]] for name in orders}
        pairs = [
            Pair((a, b), features[a], features[b], permuted, resampler, site)
            for a in agents[:place]
        ]
        jobs = [partial(pair.directions, ceilings[pair.agents[0]], ceilings[b]) for pair in pairs]
        yield from zip([pair.agents for pair in pairs], side_by_side(jobs), strict=True)


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


def _summed(
    directions: dict[tuple[int, int], Direction],
    features: Mapping[int, Sequence[Features]],
    unmoved: dict[str, float],
    rows: TokenRows,
) -> Comparison:
    agents, all_found = sorted(features), list(directions.values())
    first = next(iter(unmoved))
    links = find_links({pair: d.match for pair, d in directions.items()}, first)
    chance = CHANCE_NULL if CHANCE_NULL in unmoved else first
    threshold = _chance_excess([d.null_best[chance] for d in all_found])
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
