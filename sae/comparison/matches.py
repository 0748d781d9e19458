"""One table of the matches of all agents' features, to which every step of a comparison adds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.extensions import ExtensionArray

from sae.matching.assignment import mutual_best
from sae.matching.features import BestMatches, Features
from sae.matching.resampling import Resampler
from sae.threads import side_by_side

Pair = tuple[int, int]
"""Agents a and b, in order: the features of a are looked for in b."""


@dataclass(frozen=True)
class Matches:
    """The compared features of every agent, each looked for in every other agent.

    table: n rows, by agent_a, agent_b and feature_a in order. column_b: the match by its column
    among the compared features of b, -1 for none; the other columns are those of matches.parquet,
    with -1 for a feature that there is not. rows: of every pair of agents. resampled: by column of
    the table, float32 [R, n], the column on R bootstrap resamples of quizzes; a table cannot hold
    these.
    """

    table: pd.DataFrame
    rows: Mapping[Pair, slice]
    resampled: Mapping[str, NDArray[np.float32]]

    def __len__(self) -> int:
        return len(self.table)

    def of(self, a: int, b: int) -> pd.DataFrame:
        """The rows of the features of a looked for in b."""
        return self.table[self.rows[a, b]]

    def adding(
        self, resampled: Mapping[str, NDArray[np.float32]], **columns: NDArray[Any] | ExtensionArray
    ) -> Matches:
        """These with columns [n] added, and what some are on resamples [R, n]."""
        return replace(
            self,
            table=self.table.assign(**columns),
            resampled={**self.resampled, **resampled},
        )

    def each_direction(
        self, job: Callable[[Pair, NDArray[np.int64]], Sequence[NDArray[Any]]]
    ) -> Iterator[NDArray[Any]]:
        """What a job gives for every pair, side by side: arrays [n] of all rows.

        job: of a pair and the column in b that its features match; returns arrays of its rows.
        """
        column_b = self.table.column_b.to_numpy()
        jobs = [partial(job, pair, column_b[rows]) for pair, rows in self.rows.items()]
        results = list(side_by_side(jobs))
        return (np.concatenate(parts) for parts in zip(*results, strict=True))


def match(features: Mapping[int, Features], resampler: Resampler) -> Matches:
    """Look for every agent's features in every other agent.

    Adds feature_b, the best match, and second_b, the next best; r_chosen, its correlation on the
    quizzes on which it was chosen, and r, on the others; mutual, whether the best match of
    feature_b is the feature itself; firings_a and firings_b, tokens of both splits on which they
    fire.
    """
    pairs = list(combinations(sorted(features), 2))
    jobs = [partial(_both_ways, a, b, features[a], features[b], resampler) for a, b in pairs]
    directions = dict(part for both in side_by_side(jobs) for part in both)
    tables, resampled = zip(*(directions[pair] for pair in sorted(directions)), strict=True)
    ends = np.cumsum([0, *map(len, tables)]).tolist()
    rows = {pair: slice(*ends[n : n + 2]) for n, pair in enumerate(sorted(directions))}
    table = pd.concat(tables, ignore_index=True)
    return Matches(table, rows, {"r": np.concatenate(resampled, axis=1)})


Direction = tuple[Pair, tuple[pd.DataFrame, NDArray[np.float32]]]
"""A pair, with its rows and their r on resamples [R, C]."""


def _both_ways(
    a: int, b: int, x: Features, y: Features, resampler: Resampler
) -> tuple[Direction, Direction]:
    forward, backward = y.matches_of(x)
    return (
        ((a, b), _direction(a, b, x, y, forward, backward, resampler)),
        ((b, a), _direction(b, a, y, x, backward, forward, resampler)),
    )


def _direction(
    a: int,
    b: int,
    x: Features,
    y: Features,
    best: BestMatches,
    back: BestMatches,
    resampler: Resampler,
) -> tuple[pd.DataFrame, NDArray[np.float32]]:
    index = np.append(y.index, -1)
    feature_b = index[best.column]
    table = pd.DataFrame(
        {
            "agent_a": np.full(x.compared, a),
            "feature_a": x.index,
            "agent_b": np.full(x.compared, b),
            "feature_b": feature_b,
            "second_b": index[best.second],
            "column_b": best.column,
            "r": best.r,
            "r_chosen": best.r_selection,
            "mutual": mutual_best(best.column, back.column),
            "firings_a": x.firings[x.index],
            "firings_b": np.append(y.firings, 0)[feature_b],
        }
    )
    return table, resampler.correlation(x.evaluation, y.evaluation, best.column)
