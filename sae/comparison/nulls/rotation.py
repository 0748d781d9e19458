"""A random basis: features of one agent looked for among directions that mean nothing.

Gurnee et al. (2024) compare a neuron's best match with its best match in a randomly rotated
basis, which spans the same space: what exceeds it is due to the features themselves, and not to
what the two agents' codes hold as a whole. All quizzes and tokens stay where they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sae.comparison.nulls import Halves, Onto, nulls
from sae.matching.correlation import Codes, code_covariance
from sae.matching.features import Features
from sae.matching.search import Found, Matched

MOST_ROTATED = 4096
"""Features up to which they are rotated: time grows with their cube."""


def random_rotation(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """float64 [size, size]: an orthogonal matrix, uniform by Haar's measure (Mezzadri 2007).

    Raises ValueError when Q^T Q differs from the identity by more than 1e-8.
    """
    q, r = np.linalg.qr(rng.standard_normal((size, size)))
    # QR alone favours some signs; those of R's diagonal make it uniform.
    q = q * np.sign(np.diag(r))
    if size and np.abs(q.T @ q - np.eye(size)).max() > 1e-8:
        raise ValueError(f"the rotation of {size} features is not orthogonal")
    return q


@dataclass(frozen=True)
class Rotated:
    """Codes [N, C] turned into codes [N, C] of a random basis. seed: of the rotations.

    Features of either agent are looked for in the other's rotated codes. These are never formed:
    their covariance with others follows from that of the codes, at C^3 operations and C^2 memory;
    beyond MOST_ROTATED features nothing is found.
    """

    seed: int
    unmoved: float | None = None

    def onto(self, b: Features) -> Onto:
        """The features of b in a random basis."""
        turned_b = self._turn(b)

        def ask(a: Features) -> tuple[Matched, Matched]:
            turned_a = self._turn(a)
            if turned_a is None or turned_b is None:
                return _nothing(a.compared), _nothing(b.compared)
            chosen = code_covariance(a.choosing, b.choosing)
            reported = code_covariance(a.reported, b.reported)
            return (
                turned_b.best(a, chosen, reported),
                turned_a.best(b, chosen.T, reported.T),
            )

        return ask

    def _turn(self, features: Features) -> _Turned | None:
        if features.compared > MOST_ROTATED:
            return None
        basis = random_rotation(features.compared, np.random.default_rng(self.seed))
        halves = features.choosing, features.reported
        return _Turned(basis, *(_deviation(half, basis) for half in halves))


@dataclass(frozen=True)
class _Turned:
    """basis: float64 [C, C]. choosing, reported: float64 [C], deviations of the rotated codes."""

    basis: NDArray[np.float64]
    choosing: NDArray[np.float64]
    reported: NDArray[np.float64]

    def best(
        self, asking: Features, chosen: NDArray[np.float64], reported: NDArray[np.float64]
    ) -> Matched:
        """The best rotated code for every asking feature, from its covariances [Ca, C] with the
        codes before they are rotated, on either half."""
        deviations = asking.choosing.moments.deviation, asking.reported.moments.deviation
        return _best(
            (chosen @ self.basis) / np.outer(deviations[0], self.choosing),
            (reported @ self.basis) / np.outer(deviations[1], self.reported),
        )


@nulls.register("rotation")
def rotation(halves: Halves, rng: np.random.Generator) -> Rotated:
    """A rotation of the features of one agent."""
    return Rotated(int(rng.integers(2**63)))


def _deviation(codes: Codes, basis: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64 [C]: standard deviation of each rotated code."""
    variance = np.einsum("ij,ij->j", basis, codes.covariance @ basis)
    return np.asarray(np.sqrt(np.where(variance > 0, variance, np.nan)))


def _best(chosen: NDArray[np.float64], reported: NDArray[np.float64]) -> Matched:
    """Each row's best column by ``chosen``, with its r in ``reported``."""
    if not chosen.shape[1]:
        return _nothing(len(chosen))
    filled = np.where(np.isnan(chosen), -np.inf, chosen)
    best = filled.argmax(axis=1)
    rows = np.arange(len(best))
    none = np.full(len(chosen), -1, dtype=np.int64)
    return Matched(Found(best, filled[rows, best], none), reported[rows, best])


def _nothing(count: int) -> Matched:
    none, nan = np.full(count, -1, dtype=np.int64), np.full(count, np.nan)
    return Matched(Found(none, nan, none), nan)
