"""What nulls make of every pair of agents, draw by draw: only one permuted copy is in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sae.activations.harvest import Splits
from sae.comparison.matches import Matches, Pair
from sae.comparison.nulls import Draw, PermutedRows
from sae.comparison.rotated import RotatedFeatures
from sae.config import ComparisonConfig
from sae.matching.features import BestMatches, Features
from sae.matching.resampling import Resampler
from sae.threads import side_by_side
from world import Stream

if TYPE_CHECKING:
    from sae.streamed.rows import StoredSplits

Tick = Callable[[], None]
"""Called when a pair of agents is compared."""
UnderNull = tuple[NDArray[np.float64], NDArray[np.float32]]
"""r of the best match in one draw, float64 [C], and on resamples of quizzes, float32 [R, C]."""


def null_columns(names: Iterable[str]) -> dict[str, str]:
    """By null, its column in the table; universality is measured against the first."""
    return {name: f"null_r_{name}" if number else "null_r" for number, name in enumerate(names)}


def draw_nulls(
    rows: Splits | StoredSplits, config: ComparisonConfig, stream: Stream
) -> dict[str, list[Draw]]:
    """By null, its draws, the same for every agent."""
    return {
        name: [
            null(rows, stream.with_role(f"null-{name}").generator(number))
            for number in range(config.permutations)
        ]
        for name, null in zip(config.null_names, config.nulls, strict=True)
    }


def with_nulls(
    matches: Matches,
    features: Mapping[int, Features],
    draws: Mapping[str, Sequence[Draw]],
    resampler: Resampler,
    tick: Tick,
) -> Matches:
    """Adds null_r and null_r_<name>: r of the best match under each null, mean over draws."""
    columns = null_columns(draws)
    r = {column: np.zeros(len(matches)) for column in columns.values()}
    shape = len(resampler.weights), len(matches)
    resampled = {column: np.zeros(shape, dtype=np.float32) for column in columns.values()}
    agents = sorted(features)
    for place, b in enumerate(agents[1:], 1):
        before = {a: features[a] for a in agents[:place]}
        for name, column in columns.items():
            for draw in draws[name]:
                for pair, under in _one_draw(before, b, draw(features[b]), resampler):
                    here = matches.rows[pair]
                    r[column][here] += under[0]
                    resampled[column][:, here] += under[1]
        for _ in before:
            tick()
    for name, column in columns.items():
        count = len(draws[name])
        matches = matches.adding(
            {column: resampled[column] / np.float32(count)}, **{column: r[column] / count}
        )
    return matches


def _one_draw(
    before: Mapping[int, Features], b: int, null_b: Features, resampler: Resampler
) -> Iterator[tuple[Pair, UnderNull]]:
    """One draw, by pair: of every agent before b with b's features under the null, and back."""
    jobs = [partial(_under_null, x, null_b, resampler) for x in before.values()]
    for a, (forward, backward) in zip(before, side_by_side(jobs), strict=True):
        yield (a, b), forward
        yield (b, a), backward


def _under_null(x: Features, null: Features, resampler: Resampler) -> tuple[UnderNull, UnderNull]:
    forward, backward = null.matches_of(x)
    if isinstance(null, RotatedFeatures):
        return _everywhere(forward, resampler), _everywhere(backward, resampler)
    return (
        (forward.r, resampler.correlation(x.evaluation, null.evaluation, forward.column)),
        (backward.r, resampler.correlation(null.evaluation, x.evaluation, backward.column)),
    )


def _everywhere(best: BestMatches, resampler: Resampler) -> UnderNull:
    """Codes that were never formed cannot be resampled: r is the same on all resamples."""
    return best.r, np.tile(best.r.astype(np.float32), (len(resampler.weights), 1))


def unmoved(draws: Mapping[str, Sequence[Draw]]) -> dict[str, float | None]:
    """By null, the share of rows that its draws leave in place, None for one that moves none."""
    shares: dict[str, float | None] = {}
    for name, drawn in draws.items():
        of_draws = [draw.unmoved for draw in drawn if isinstance(draw, PermutedRows)]
        shares[name] = float(np.mean(of_draws)) if of_draws else None
    return shares
