"""The comparison of all agents' features: every pair, the nulls, the ceiling, the families.

Works on codes alone, so the same code compares agents, seeds and synthetic dictionaries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from sae.activations.harvest import TokenRows
from sae.comparison.correspondence import Sight, kinds, parts
from sae.comparison.null_matches import Chance, find_chance
from sae.comparison.nulls import Draw, Halves, nulls
from sae.comparison.pair import Direction, Pair, Subject, make_subject
from sae.comparison.significance import MAX_Q, false_discovery
from sae.comparison.universality import (
    Resampler,
    Triple,
    Universality,
    resample_weights,
    universality,
)
from sae.config import SAEConfig
from sae.matching.assignment import spread
from sae.matching.dense import without_tf32
from sae.matching.families import Family, Link, counts, find_families, find_links, histogram
from sae.matching.features import Features
from sae.threads import side_by_side
from world import Stream

Tick = Callable[[int, int], None]
"""(pairs done, pairs in all)."""
MIN_R = (0.5, 0.7, 0.9)
"""Demands on the r of links, for which sharing is counted too."""
FREQUENCIES = (0.0, 0.003, 0.01, 0.03, 0.1, 1.0)
"""Bounds of the bins of firings per token, in which results are given too."""


@dataclass(frozen=True)
class Comparison:
    """All pairs of agents compared.

    directions: by ordered pair of agent numbers. q: by the same, float64 [F], of every match.
    kinds: by the same, str [F], what becomes of every feature ("" where it is not compared or
    was not found out).
    overall: universality by null, of all features of all agents. pairs: the same of every
    unordered pair, under the first null. by_frequency: the same of features that fire on a
    share of tokens between two bounds. without: universality under the first null of all agents
    but one, by its number; empty for two agents. unmoved: by null, the share of rows that its
    draws leave in place, None for one that moves none. shared: features shared by k agents;
    shared_above: the same if links need an r above the key. tokens, quizzes: what was compared on.
    """

    directions: dict[tuple[int, int], Direction]
    q: dict[tuple[int, int], NDArray[np.float64]]
    kinds: dict[tuple[int, int], NDArray[np.str_]]
    overall: dict[str, Universality]
    pairs: dict[tuple[int, int], Universality]
    by_frequency: dict[tuple[float, float], Universality]
    without: dict[int, float | None]
    unmoved: dict[str, float | None]
    families: list[Family]
    shared: dict[int, int]
    shared_above: dict[float, dict[int, int]]
    tokens: int
    quizzes: int


@without_tf32()
def compare_features(
    features: Mapping[int, Sequence[Features]],
    rows: TokenRows,
    config: SAEConfig,
    site: str,
    stream: Stream,
    tick: Tick | None = None,
    closely: bool = True,
) -> Comparison:
    """Compare agents by the features of their first SAE; their other SAEs are the ceiling.

    features: by agent number, one per SAE seed, all on the tokens of ``rows``. closely: test
    matches and find out what becomes of features; without it there are no families, and memory is
    less where codes are dense. Raises ValueError for fewer than two agents or codes of other
    tokens.
    """
    _check(features, rows)
    halves = rows.half(reported=False), rows.half(reported=True)
    reported = halves[1]
    rng = stream.with_role("bootstrap").generator()
    weights = resample_weights(reported.source, config.resamples, rng)
    resampler = Resampler(weights, reported.quiz)
    agents = sorted(features)
    jobs = [partial(make_subject, a, features[a], reported, resampler, closely) for a in agents]
    subjects = list(side_by_side(jobs))
    draws = _draws(halves, config, stream)
    directions: dict[tuple[int, int], Direction] = {}
    source = reported.source[reported.quiz]
    for pair, both in _all_pairs(subjects, draws, source, resampler, site):
        directions[pair], directions[pair[::-1]] = both
        if tick:
            tick(len(directions) // 2, len(agents) * (len(agents) - 1) // 2)
    return _summed(directions, subjects, _unmoved(draws), rows)


def _draws(halves: Halves, config: SAEConfig, stream: Stream) -> dict[str, list[Draw]]:
    return {
        name: [
            nulls[name](halves, stream.with_role(f"null-{name}").generator(p))
            for p in range(config.permutations)
        ]
        for name in config.nulls
    }


def _all_pairs(
    subjects: Sequence[Subject],
    draws: Mapping[str, Sequence[Draw]],
    source: NDArray[np.int64],
    resampler: Resampler,
    site: str,
) -> Iterator[tuple[tuple[int, int], tuple[Direction, Direction]]]:
    """Both directions of every pair of agents a < b, by b, onto which nulls are put only once."""
    for place, b in enumerate(subjects[1:], 1):
        before = subjects[:place]
        under = _under(before, b, draws, resampler)
        pairs = [Pair(a, b, under[a.number], source, resampler, site) for a in before]
        found = side_by_side([pair.directions for pair in pairs])
        yield from zip([(p.a.number, b.number) for p in pairs], found, strict=True)


def _under(
    before: Sequence[Subject],
    b: Subject,
    draws: Mapping[str, Sequence[Draw]],
    resampler: Resampler,
) -> dict[int, dict[str, Chance]]:
    """What nulls make of b and of every agent before it, by that agent and by null."""
    found: dict[int, dict[str, Chance]] = {a.number: {} for a in before}
    for name, drawn in draws.items():
        for number, draw in enumerate(drawn):
            first = number == 0 and name == next(iter(draws))
            onto = draw.onto(b.features)
            jobs = [
                partial(find_chance, a.features, onto, resampler, first and _predictable(a, b))
                for a in before
            ]
            for a, chance in zip(before, side_by_side(jobs), strict=True):
                known = found[a.number].get(name)
                found[a.number][name] = known.joined(chance) if known else chance
    return found


def _predictable(a: Subject, b: Subject) -> bool:
    return a.own is not None and b.own is not None


def _check(features: Mapping[int, Sequence[Features]], rows: TokenRows) -> None:
    if len(features) < 2:
        raise ValueError(f"a comparison needs at least two agents, got {len(features)}")
    for agent, seeds in features.items():
        for found in seeds:
            if found.tokens != len(rows):
                raise ValueError(
                    f"codes of agent {agent} cover {found.tokens} tokens, rows cover {len(rows)}"
                )


def _unmoved(draws: Mapping[str, Sequence[Draw]]) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for name, drawn in draws.items():
        shares = [draw.unmoved for draw in drawn if draw.unmoved is not None]
        found[name] = float(np.mean(shares)) if shares else None
    return found


def _summed(
    directions: dict[tuple[int, int], Direction],
    subjects: Sequence[Subject],
    unmoved: dict[str, float | None],
    rows: TokenRows,
) -> Comparison:
    everything, first = list(directions.values()), next(iter(unmoved))
    q = false_discovery({pair: d.match.p for pair, d in directions.items()})
    links = find_links({pair: d.match for pair, d in directions.items()}, q, first)
    families = find_families(links, MAX_Q)
    compared = {subject.number: subject.features.compared for subject in subjects}
    return Comparison(
        directions=directions,
        q=q,
        kinds=_kinds(directions, q, links),
        overall={name: _universality(everything, name) for name in unmoved},
        pairs={
            (a, b): _universality([directions[a, b], directions[b, a]], first)
            for a, b in combinations(compared, 2)
        },
        by_frequency={
            bounds: _universality(everything, first, bounds) for bounds in pairwise(FREQUENCIES)
        },
        without=_without(directions, first),
        unmoved=unmoved,
        families=families,
        shared=histogram(families, compared),
        shared_above={r: histogram(find_families(links, MAX_Q, r), compared) for r in MIN_R},
        tokens=len(rows),
        quizzes=rows.quizzes,
    )


def _without(directions: Mapping[tuple[int, int], Direction], null: str) -> dict[int, float | None]:
    """Universality of the pairs that leave one agent out, for each agent."""
    found = {}
    for agent in sorted({a for a, _ in directions}):
        rest = [direction for pair, direction in directions.items() if agent not in pair]
        if rest:
            found[agent] = universality(_triple(rest, null), None).value
    return found


def _kinds(
    directions: Mapping[tuple[int, int], Direction],
    q: Mapping[tuple[int, int], NDArray[np.float64]],
    links: Sequence[Link],
) -> dict[tuple[int, int], NDArray[np.str_]]:
    """What becomes of every feature in every other agent."""
    linked = {(link.a, link.b[0]) for link in links if counts(link, MAX_Q)}
    linked |= {(link.b, link.a[0]) for link in links if counts(link, MAX_Q)}
    sights = {pair: _sight(d, q[pair], linked) for pair, d in directions.items()}
    split = {pair: parts(sight, sights[pair[::-1]]) for pair, sight in sights.items()}
    found = {}
    for pair, direction in directions.items():
        merged = {part for places in split[pair[::-1]].values() for part in places}
        named = [kind or "" for kind in kinds(sights[pair], split[pair], merged)]
        size = len(direction.match.feature_b)
        found[pair] = spread(np.array(named, dtype="<U8"), direction.index, size, "")
    return found


def _sight(
    direction: Direction,
    q: NDArray[np.float64],
    linked: set[tuple[tuple[int, int], int]],
) -> Sight:
    match, index = direction.match, direction.index
    return Sight(
        direction.found,
        q[index],
        np.array([((match.agent_a, int(f)), match.agent_b) in linked for f in index], dtype=bool),
        direction.with_match,
        direction.own,
        direction.variance,
        (match.ridge_r2 - match.ridge_null_r2)[index],
    )


def _universality(
    found: Sequence[Direction], null: str, bounds: tuple[float, float] = (0.0, 1.0)
) -> Universality:
    """Universality of the features of several directions together, of some frequency of firing."""
    here = np.concatenate([_between(d, bounds) for d in found])
    resampled = Triple(
        np.concatenate([d.resampled for d in found], axis=1)[:, here],
        np.concatenate([d.null_resampled[null] for d in found], axis=1)[:, here],
        np.concatenate([d.ceiling_resampled for d in found], axis=1)[:, here],
    )
    return universality(_triple(found, null, here), resampled)


def _triple(
    found: Sequence[Direction], null: str, here: NDArray[np.bool_] | slice = slice(None)
) -> Triple:
    """Of the features of several directions together, or of some of them."""
    return Triple(
        np.concatenate([d.match.r[d.index] for d in found])[here],
        np.concatenate([d.null_r[null].mean(axis=0) for d in found])[here],
        np.concatenate([d.ceiling for d in found])[here],
    )


def _between(direction: Direction, bounds: tuple[float, float]) -> NDArray[np.bool_]:
    match = direction.match
    frequency = match.firings_a[direction.index] / match.tokens
    return (frequency > bounds[0]) & (frequency <= bounds[1])
