"""Two agents compared: each one's features looked for in the other, as they are and under nulls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sae.activations.harvest import TokenRows
from sae.comparison.null_matches import Chance
from sae.comparison.significance import within_cell_test
from sae.comparison.universality import Resampler
from sae.matching.assignment import FeatureMatch, assign, mutual_best, spread
from sae.matching.correlation import correlation, paired_correlation
from sae.matching.covariance import MOST_PREDICTED, Covariance, covariance, predicted
from sae.matching.features import Features, Residual, within_cells
from sae.matching.search import Matched, match_both_ways

MOST_ASSIGNED = 4096
"""Features up to which the one-to-one assignment is solved: its time grows with their cube."""


@dataclass(frozen=True)
class Direction:
    """Features of one agent looking for themselves in another; C compared features.

    match: what was found. index: int64 [C], the features compared. null_r: by null, float64
    [P, C], r of the best match in each draw. ceiling: float64 [C].
    resampled: float32 [R, C], r across agents on resamples of quizzes. null_resampled: by null,
    the same, mean over its draws (its own r in every row if it permutes nothing).
    ceiling_resampled: the same in another SAE of the agent. found: int64 [C], the best match by
    its place among b's compared features, -1 for none. with_match: [C], of a's features with their
    match, as they are and under the first null. own: of a's features with each other. (None where
    there are too many features, or the null permutes nothing.) variance: float64 [C], of a's.
    """

    match: FeatureMatch
    index: NDArray[np.int64]
    null_r: dict[str, NDArray[np.float64]]
    ceiling: NDArray[np.float64]
    resampled: NDArray[np.float32]
    null_resampled: dict[str, NDArray[np.float32]]
    ceiling_resampled: NDArray[np.float32]
    found: NDArray[np.int64]
    with_match: tuple[Covariance, Covariance] | None
    own: Covariance | None
    variance: NDArray[np.float64]


@dataclass(frozen=True)
class Subject:
    """One agent in a comparison.

    number: the agent's. features: of its first SAE. residual: its codes on the reported half
    with the means of cells taken out, None where matches are not tested. ceiling: float64 [C], r
    of the best match in its own other SAEs, mean over them; ceiling_resampled: float32 [R, C], the
    same on resamples; NaN if none. own: covariances of its features with each other, None where
    there are too many or none is predicted.
    """

    number: int
    features: Features
    residual: Residual | None
    own: Covariance | None
    ceiling: NDArray[np.float64]
    ceiling_resampled: NDArray[np.float32]


def make_subject(
    number: int,
    seeds: Sequence[Features],
    rows: TokenRows,
    resampler: Resampler,
    closely: bool,
) -> Subject:
    """An agent by the features of its SAEs, the compared one first.

    rows: of the reported half. closely: with what testing and predicting features needs.
    """
    first = seeds[0]
    residual = within_cells(first.reported, rows) if closely else None
    own = covariance(first, first) if closely and first.compared <= MOST_PREDICTED else None
    if len(seeds) < 2:
        nothing = np.full((len(resampler.weights), first.compared), np.nan, dtype=np.float32)
        return Subject(number, first, residual, own, np.full(first.compared, np.nan), nothing)
    found = [match_both_ways(first, other)[0] for other in seeds[1:]]
    resampled = np.mean(
        [
            resampler.correlation(first.reported, other.reported, one.found.feature)
            for other, one in zip(seeds[1:], found, strict=True)
        ],
        axis=0,
    )
    ceiling = np.mean([f.r for f in found], axis=0)
    return Subject(number, first, residual, own, ceiling, resampled)


@dataclass(frozen=True)
class Pair:
    """Two agents a < b. under: what every null makes of them, the reference first."""

    a: Subject
    b: Subject
    under: Mapping[str, Chance]
    source: NDArray[np.int64]
    resampler: Resampler
    site: str

    def directions(self) -> tuple[Direction, Direction]:
        """From a to b and from b to a."""
        a, b = self.a.features, self.b.features
        ahead, back = match_both_ways(a, b)
        between = self._between()
        assigned = _assignments(a, b, between[0])
        turned = tuple(found.turned if found else None for found in between)
        return (
            _Side(self, self.a, self.b, ahead, back, assigned[0], 0).direction(between),
            _Side(self, self.b, self.a, back, ahead, assigned[1], 1).direction(turned),
        )

    def _between(self) -> tuple[Covariance | None, ...]:
        """Covariances of a with b, and with b under the first null; None where not computed."""
        if self.a.own is None or self.b.own is None:
            return None, None
        first = next(iter(self.under.values()))
        return covariance(self.a.features, self.b.features), first.between


def _assignments(
    a: Features, b: Features, between: Covariance | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The one-to-one assignment chosen on the choosing half, both ways; -1 for none.

    between: covariances of a with b where they are known; on that half they are correlations.
    """
    forward, backward = np.full(a.compared, -1), np.full(b.compared, -1)
    if max(a.compared, b.compared) <= MOST_ASSIGNED:
        forward = assign(between.choosing if between else correlation(a.choosing, b.choosing))
        rows = np.flatnonzero(forward >= 0)
        backward[forward[rows]] = rows
    return forward, backward


@dataclass(frozen=True)
class _Side:
    """One direction of a pair: the asking agent, the asked one, and the matches both ways.

    number: 0 from a to b, 1 from b to a.
    """

    pair: Pair
    asking: Subject
    asked: Subject
    ahead: Matched
    back: Matched
    assigned: NDArray[np.int64]
    number: int

    def direction(self, between: tuple[Covariance | None, ...]) -> Direction:
        """This direction with its null, ceiling and resamples.

        between: covariances of the asking agent with the asked one, as is and under the null.
        """
        under = self.pair.under
        null_r = {name: chance.r[self.number] for name, chance in under.items()}
        x, y = self.asking.features.reported, self.asked.features.reported
        cross = self.pair.resampler.correlation(x, y, self.ahead.found.feature)
        return Direction(
            self._match(null_r, [self._predicted(found) for found in between]),
            self.asking.features.index,
            null_r,
            self.asking.ceiling,
            cross,
            {name: chance.resampled(self.number) for name, chance in under.items()},
            self.asking.ceiling_resampled,
            self.ahead.found.feature,
            self._with_match(between),
            self.asking.own,
            self._variance(),
        )

    def _with_match(
        self, between: tuple[Covariance | None, ...]
    ) -> tuple[Covariance, Covariance] | None:
        """Covariances [C] of the asking features with their match, as is and under the null."""
        real, null = between
        if real is None or null is None:
            return None
        match = self.ahead.found.feature
        return real.with_match(match), null.with_match(match)

    def _variance(self) -> NDArray[np.float64]:
        """float64 [C]: of the asking features on the reported half, in units of the other's."""
        features = self.asking.features
        chosen, reported = features.choosing.moments, features.reported.moments
        return np.asarray((reported.deviation / chosen.deviation) ** 2)

    def _predicted(self, between: Covariance | None) -> NDArray[np.float64]:
        """float64 [C]: R^2 by all features of the asked agent, NaN where not computed."""
        if between is None or self.asked.own is None:
            return np.full(self.asking.features.compared, np.nan)
        return predicted(between, self.asked.own, self._variance())

    def _match(
        self, null_r: dict[str, NDArray[np.float64]], ridge: Sequence[NDArray[np.float64]]
    ) -> FeatureMatch:
        """The matches, spread over all F features of the asking agent."""
        asking, asked, found = self.asking.features, self.asked.features, self.ahead.found
        names = np.append(asked.index, -1)
        within, p = self._tested(found.feature)

        def over_all(values: NDArray[Any], fill: float) -> NDArray[Any]:
            return spread(values, asking.index, asking.size, fill)

        return FeatureMatch(
            self.asking.number,
            self.asked.number,
            site=self.pair.site,
            tokens=asking.tokens,
            feature_b=over_all(names[found.feature], -1),
            second_b=over_all(names[found.second], -1),
            r=over_all(self.ahead.r, np.nan),
            r_chosen=over_all(found.r, np.nan),
            r_within=over_all(within, np.nan),
            p=over_all(p, np.nan),
            mutual=over_all(mutual_best(found.feature, self.back.found.feature), False),
            assigned=over_all(names[self.assigned], -1),
            assigned_r=over_all(self._assigned_r(), np.nan),
            firings_a=asking.firings,
            firings_b=over_all(np.append(asked.firings, 0)[names[found.feature]], 0),
            null_r={name: over_all(r.mean(axis=0), np.nan) for name, r in null_r.items()},
            ceiling_r=over_all(self.asking.ceiling, np.nan),
            ridge_r2=over_all(ridge[0], np.nan),
            ridge_null_r2=over_all(ridge[1], np.nan),
        )

    def _tested(self, found: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What is left of r within cells and its p-value, NaN where matches are not tested."""
        x, y = self.asking.residual, self.asked.residual
        if x is None or y is None:
            nothing = np.full(len(found), np.nan)
            return nothing, nothing
        return within_cell_test(x, y, found, self.pair.source)

    def _assigned_r(self) -> NDArray[np.float64]:
        x, y = self.asking.features.reported, self.asked.features.reported
        return paired_correlation(x, y, self.assigned)
