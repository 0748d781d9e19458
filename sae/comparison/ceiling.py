"""The noise ceiling: how well features match in another SAE of the very same agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from sae.comparison.matches import Matches
from sae.comparison.null_matches import UnderNull
from sae.matching.features import Features
from sae.matching.resampling import Resampler
from sae.threads import side_by_side


def with_ceiling(
    matches: Matches, saes: Mapping[int, Sequence[Features]], resampler: Resampler
) -> Matches:
    """Adds ceiling_r: r of the best match in an agent's other SAEs, mean over them; NaN without.

    saes: by agent, the features of its SAEs, the compared ones first.
    """
    jobs = [partial(_ceiling, seeds, resampler) for seeds in saes.values()]
    ceilings = dict(zip(saes, side_by_side(jobs), strict=True))
    r, resampled = zip(*(ceilings[a] for a, _ in matches.rows), strict=True)
    return matches.adding(
        {"ceiling_r": np.concatenate(resampled, axis=1)}, ceiling_r=np.concatenate(r)
    )


def _ceiling(seeds: Sequence[Features], resampler: Resampler) -> UnderNull:
    first, *others = seeds
    if not others:
        shape = len(resampler.weights), first.compared
        return np.full(first.compared, np.nan), np.full(shape, np.nan, dtype=np.float32)
    best = [other.matches_of(first)[0] for other in others]
    resampled = [
        resampler.correlation(first.evaluation, other.evaluation, one.column)
        for other, one in zip(others, best, strict=True)
    ]
    return np.mean([one.r for one in best], axis=0), np.mean(resampled, axis=0)
