"""Two agents compared: each one's features looked for in the other, as they are and permuted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sae.features import Features, Resampler
from sae.matching import FeatureMatch, assign, best_match, mutual_best, spread


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
class Ceiling:
    """Best r of an agent's features [C] in its own other SAEs, and the first of them resampled."""

    r: NDArray[np.float64]
    resampled: NDArray[np.float64]


def find_ceiling(seeds: Sequence[Features], resampler: Resampler) -> Ceiling:
    """The ceiling of an agent's first SAE from its other SAEs; NaN if it has none."""
    first = seeds[0]
    if len(seeds) < 2:
        shape = (len(resampler.weights), len(first.index))
        return Ceiling(np.full(len(first.index), np.nan), np.full(shape, np.nan))
    found = [best_match(first.correlation(other)) for other in seeds[1:]]
    r = np.mean([best for _, best in found], axis=0)
    return Ceiling(r, resampler.correlation(first.codes, seeds[1].codes, found[0][0]))


@dataclass(frozen=True)
class Pair:
    """Two agents a < b; ``permuted``: codes of b under every permutation of every null."""

    agents: tuple[int, int]
    a: Sequence[Features]
    b: Sequence[Features]
    permuted: dict[str, list[sparse.csr_array]]
    resampler: Resampler
    site: str

    def directions(self, a: Ceiling, b: Ceiling) -> tuple[Direction, Direction]:
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
    ceiling: Ceiling

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
