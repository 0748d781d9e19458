"""A random basis: features of one agent looked for among directions that mean nothing.

Gurnee et al. (2024) compare a neuron's best match with its best match in a randomly rotated
basis, which spans the same space: what exceeds it is due to the features themselves, and not to
what the two agents' codes hold as a whole. All quizzes and tokens stay where they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sae.correlation import Codes, product
from sae.features import Features
from sae.nulls import Halves, Onto, nulls
from sae.search import Found, Matched


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
    """Codes [N, C] turned into codes [N, C] of a random basis. seed: of the rotation.

    Rotated codes are never formed: their covariance with others follows from that of the
    codes, at C^3 operations and C^2 memory.
    """

    seed: int
    unmoved: float | None = None

    def onto(self, b: Features) -> Onto:
        """The features of b in a random basis."""
        basis = random_rotation(b.compared, np.random.default_rng(self.seed))
        deviations = [_deviation(half, basis) for half in (b.choosing, b.reported)]

        def ask(a: Features) -> tuple[Matched, Matched]:
            chosen = _correlation(a.choosing, b.choosing, basis, deviations[0])
            reported = _correlation(a.reported, b.reported, basis, deviations[1])
            return _best(chosen, reported), _best(chosen.T, reported.T)

        return ask


@nulls.register("rotation")
def rotation(halves: Halves, rng: np.random.Generator) -> Rotated:
    """A rotation of the features of one agent."""
    return Rotated(int(rng.integers(2**63)))


def _covariance(x: Codes, y: Codes) -> NDArray[np.float64]:
    return product(x, y) / x.moments.tokens - np.outer(x.moments.mean, y.moments.mean)


def _deviation(codes: Codes, basis: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64 [C]: standard deviation of each rotated code."""
    variance = np.einsum("ij,ij->j", basis, _covariance(codes, codes) @ basis)
    return np.asarray(np.sqrt(np.where(variance > 0, variance, np.nan)))


def _correlation(
    x: Codes, y: Codes, basis: NDArray[np.float64], deviation: NDArray[np.float64]
) -> NDArray[np.float64]:
    """float64 [Cx, Cy]: r of the features of x with the rotated ones of y."""
    return (_covariance(x, y) @ basis) / np.outer(x.moments.deviation, deviation)


def _best(chosen: NDArray[np.float64], reported: NDArray[np.float64]) -> Matched:
    """Each row's best column by ``chosen``, with its r in ``reported``."""
    none = np.full(len(chosen), -1, dtype=np.int64)
    if not chosen.shape[1]:
        return Matched(Found(none, np.full(len(none), np.nan), none), np.full(len(none), np.nan))
    filled = np.where(np.isnan(chosen), -np.inf, chosen)
    best = filled.argmax(axis=1)
    rows = np.arange(len(best))
    return Matched(Found(best, filled[rows, best], none), reported[rows, best])
