"""The comparison of all agents' features: every pair, the nulls, the ceiling, the families.

Works on codes alone, so the same code compares agents, seeds and synthetic dictionaries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import numpy as np

from sae.activations.harvest import TokenRows
from sae.comparison.ceiling import with_ceiling
from sae.comparison.correspondence import with_correspondence
from sae.comparison.matches import Matches, Pair, match
from sae.comparison.null_matches import Tick, draw_nulls, null_columns, unmoved, with_nulls
from sae.comparison.prediction import with_prediction
from sae.comparison.significance import MAX_Q, with_significance
from sae.comparison.universality import Universality, universality_of
from sae.config import ComparisonConfig
from sae.matching.dense import without_tf32
from sae.matching.families import Family, find_families, find_links, histogram
from sae.matching.features import Features
from sae.matching.resampling import Resampler
from sae.statistics.resampling import resample_weights
from world import Stream

if TYPE_CHECKING:
    from sae.streamed.rows import StoredRows, StoredSplit

MIN_R = (0.5, 0.7, 0.9)
"""Demands on the r of links, for which sharing is counted too."""
FREQUENCIES = (0.0, 0.003, 0.01, 0.03, 0.1, 1.0)
"""Bounds of the bins of firings per token, in which results are given too."""


@dataclass(frozen=True)
class Comparison:
    """All agents compared.

    matches: of every compared feature in every other agent. overall: universality by null, of all
    features of all agents. pairs: the same of every unordered pair, under the first null.
    by_frequency: the same of features that fire on a share of tokens between two bounds. without:
    universality under the first null of all agents but one, by its number; empty for two agents.
    unmoved: by null, the share of rows that its draws leave in place, None for one that moves none.
    families: features of different agents that are each other's match. shared: features shared by k
    agents; shared_above: the same if links need an r above the key. tokens, quizzes: what was
    compared on.
    """

    matches: Matches
    overall: dict[str, Universality]
    pairs: dict[Pair, Universality]
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
    saes: Mapping[int, Sequence[Features]],
    rows: TokenRows | StoredRows,
    config: ComparisonConfig,
    stream: Stream,
    tick: Tick = lambda: None,
) -> Comparison:
    """Compare agents by the features of their first SAE; their other SAEs are the ceiling.

    saes: by agent number, the features of each SAE, all on the tokens of ``rows``, which are in
    memory or, as their codes, on the disk. tick: called for every pair. Raises ValueError for fewer
    than two agents or codes of other tokens.
    """
    features, splits = _first(saes, rows), rows.splits
    resampler = _resampler(splits.evaluation, config, stream)
    draws = draw_nulls(splits, config, stream)
    matches = match(features, resampler)
    matches = with_nulls(matches, features, draws, resampler, tick)
    matches = with_ceiling(matches, saes, resampler)
    matches = with_significance(matches, features, splits.evaluation)
    matches = with_prediction(matches, features, draws[config.null_names[0]][0])
    links = find_links(matches.table)
    matches = with_correspondence(matches, features, links)
    families = find_families(links, MAX_Q)
    compared = {agent: f.compared for agent, f in features.items()}
    return Comparison(
        matches=matches,
        overall=_overall(matches, config),
        pairs=_by_pair(matches, sorted(features)),
        by_frequency=_by_frequency(matches, len(rows)),
        without=_without(matches, sorted(features)),
        unmoved=unmoved(draws),
        families=families,
        shared=histogram(families, compared),
        shared_above={r: histogram(find_families(links, MAX_Q, r), compared) for r in MIN_R},
        tokens=len(rows),
        quizzes=rows.quizzes,
    )


@without_tf32()
def measure_universality(
    saes: Mapping[int, Sequence[Features]],
    rows: TokenRows,
    config: ComparisonConfig,
    stream: Stream,
    tick: Tick = lambda: None,
) -> dict[str, Universality]:
    """Universality by null, and no more: no match is tested or predicted, and there are no
    families. Memory is less where codes are dense. Arguments as of ``compare_features``."""
    features, splits = _first(saes, rows), rows.splits
    resampler = _resampler(splits.evaluation, config, stream)
    draws = draw_nulls(splits, config, stream)
    matches = match(features, resampler)
    matches = with_nulls(matches, features, draws, resampler, tick)
    matches = with_ceiling(matches, saes, resampler)
    return _overall(matches, config)


def _first(
    saes: Mapping[int, Sequence[Features]], rows: TokenRows | StoredRows
) -> dict[int, Features]:
    """By agent in order, the features that are compared."""
    if len(saes) < 2:
        raise ValueError(f"a comparison needs at least two agents, got {len(saes)}")
    for agent, seeds in saes.items():
        for features in seeds:
            if features.tokens != len(rows):
                raise ValueError(
                    f"codes of agent {agent} cover {features.tokens} tokens, rows cover {len(rows)}"
                )
    return {agent: saes[agent][0] for agent in sorted(saes)}


def _resampler(
    rows: TokenRows | StoredSplit, config: ComparisonConfig, stream: Stream
) -> Resampler:
    """Resamples of the quizzes of the evaluation split."""
    rng = stream.with_role("bootstrap").generator()
    return Resampler(resample_weights(rows.source, config.resamples, rng), rows.quiz)


def _overall(matches: Matches, config: ComparisonConfig) -> dict[str, Universality]:
    every = np.ones(len(matches), dtype=np.bool_)
    columns = null_columns(config.null_names)
    return {name: universality_of(matches, every, column) for name, column in columns.items()}


def _by_pair(matches: Matches, agents: Sequence[int]) -> dict[Pair, Universality]:
    table = matches.table
    return {
        pair: universality_of(
            matches, (table.agent_a.isin(pair) & table.agent_b.isin(pair)).to_numpy()
        )
        for pair in combinations(agents, 2)
    }


def _by_frequency(matches: Matches, tokens: int) -> dict[tuple[float, float], Universality]:
    frequency = matches.table.firings_a.to_numpy() / tokens
    return {
        (low, high): universality_of(matches, (frequency > low) & (frequency <= high))
        for low, high in pairwise(FREQUENCIES)
    }


def _without(matches: Matches, agents: Sequence[int]) -> dict[int, float | None]:
    if len(agents) < 3:
        return {}
    table = matches.table
    return {
        agent: universality_of(
            matches, ((table.agent_a != agent) & (table.agent_b != agent)).to_numpy()
        ).value
        for agent in agents
    }
