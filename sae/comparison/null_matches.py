"""What a null makes of two agents, draw by draw, so that only one permuted copy is in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sae.comparison.nulls import Onto, Shuffled
from sae.comparison.universality import Resampler
from sae.matching.covariance import Covariance, covariance
from sae.matching.features import Features
from sae.matching.search import Matched


@dataclass(frozen=True)
class Chance:
    """P draws of a null between agents a < b, both ways: of a's features in b, of b's in a.

    r: float64 [P, C] each, of the best match in every draw. total: float32 [R, C] each, its sum
    over draws on resamples of quizzes (its own r for a null that permutes nothing). between:
    covariances of a with b in the first draw, None where they were not asked for.
    """

    r: tuple[NDArray[np.float64], NDArray[np.float64]]
    total: tuple[NDArray[np.float32], NDArray[np.float32]]
    between: Covariance | None

    def joined(self, other: Chance) -> Chance:
        """These draws, and then the other's."""
        return Chance(
            (np.concatenate([self.r[0], other.r[0]]), np.concatenate([self.r[1], other.r[1]])),
            (self.total[0] + other.total[0], self.total[1] + other.total[1]),
            self.between,
        )

    def resampled(self, side: int) -> NDArray[np.float32]:
        """float32 [R, C]: r on resamples, mean over draws, of a's features (0) or b's (1)."""
        return np.asarray(self.total[side] / np.float32(len(self.r[side])))


def find_chance(a: Features, onto: Onto, resampler: Resampler, spanned: bool) -> Chance:
    """One draw, put onto b. spanned: with the covariances that prediction needs."""
    ahead, back = onto(a)
    if not isinstance(onto, Shuffled):
        flat = tuple(_everywhere(found, resampler) for found in (ahead, back))
        return Chance((ahead.r[None], back.r[None]), (flat[0], flat[1]), None)
    x, y = a.reported, onto.b.reported
    resampled = (
        resampler.correlation(x, y, ahead.found.feature),
        resampler.correlation(y, x, back.found.feature),
    )
    between = covariance(a, onto.b) if spanned else None
    return Chance((ahead.r[None], back.r[None]), resampled, between)


def _everywhere(found: Matched, resampler: Resampler) -> NDArray[np.float32]:
    return np.tile(found.r.astype(np.float32), (len(resampler.weights), 1))
