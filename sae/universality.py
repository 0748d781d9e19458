"""How universal features are: correlation across agents, between a null and a ceiling.

The null is what chance and trivial structure give; the ceiling is what two SAEs of one and
the same agent give, beyond which no two agents can be expected to agree (Paulo & Belrose
2025 found only 30-42 % of features shared between SAE seeds on one model).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


@dataclass(frozen=True)
class QuizSums:
    """Sums over the tokens of each of Q quizzes for F pairs of features, float64 [Q, F].

    They are sufficient for the correlation of every pair on any resample of quizzes.
    tokens: float64 [Q].
    """

    tokens: NDArray[np.float64]
    x: NDArray[np.float64]
    xx: NDArray[np.float64]
    y: NDArray[np.float64]
    yy: NDArray[np.float64]
    xy: NDArray[np.float64]

    def correlation(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64 [R, F]: Pearson's r with quizzes weighted by [R, Q]; NaN without variance."""
        n = (weights @ self.tokens)[:, None]
        x, y = weights @ self.x / n, weights @ self.y / n
        vx, vy = weights @ self.xx / n - x * x, weights @ self.yy / n - y * y
        varies = (vx > 1e-12 * (x * x + 1e-30)) & (vy > 1e-12 * (y * y + 1e-30))
        scale = np.sqrt(np.where(varies, vx * vy, np.nan))
        return (weights @ self.xy / n - x * y) / scale


def quiz_sums(
    x: sparse.csr_array, y: sparse.csr_array, quiz: NDArray[np.int64], quizzes: int
) -> QuizSums:
    """Sums of paired features, codes [N, F] and [N, F], over the tokens of each quiz [N]."""
    rows = sparse.csr_array(
        (np.ones(len(quiz)), quiz, np.arange(len(quiz) + 1)), shape=(len(quiz), quizzes)
    )
    gather = rows.T.tocsr()

    def total(codes: sparse.csr_array) -> NDArray[np.float64]:
        return (gather @ codes).toarray()

    x, y = x.astype(np.float64), y.astype(np.float64)
    return QuizSums(
        np.bincount(quiz, minlength=quizzes).astype(np.float64),
        total(x),
        total(x.multiply(x).tocsr()),
        total(y),
        total(y.multiply(y).tocsr()),
        total(x.multiply(y).tocsr()),
    )


def resample_weights(
    source: NDArray[np.int64], resamples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """float64 [R, Q]: how often each quiz is drawn in each bootstrap resample.

    source: [Q], 0 .. S - 1. Quizzes of one source, such as one quiz in several structures, are
    no independent observations and are drawn together.
    """
    count = int(source.max(initial=-1)) + 1
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=resamples)
    return drawn[:, source].astype(np.float64)


@dataclass(frozen=True)
class Universality:
    """Normalised universality of a set of features, and what it is made of.

    value: (cross - null) / (ceiling - null); None when the ceiling is not above the null.
    low, high: 95 % percentile bootstrap over quizzes, each feature keeping its match; None
    where value is. cross, null, ceiling: medians of the best r across agents, after
    permutation, and in another SAE of the same agent. features: how many.
    """

    value: float | None
    low: float | None
    high: float | None
    cross: float
    null: float
    ceiling: float
    features: int


def normalised(cross: float, null: float, ceiling: float) -> float:
    """(cross - null) / (ceiling - null), NaN when the ceiling is not above the null."""
    return (cross - null) / (ceiling - null) if ceiling > null else float("nan")


def universality(
    cross: NDArray[np.float64],
    null: NDArray[np.float64],
    ceiling: NDArray[np.float64],
    resampled: Sequence[NDArray[np.float64]] | None,
) -> Universality:
    """Universality of features from their best r [F] across agents, in the null, in the ceiling.

    resampled: the same three on bootstrap resamples, each [R, F]; None leaves out the interval.
    """
    compared = np.isfinite(cross) & np.isfinite(null) & np.isfinite(ceiling)
    count = int(compared.sum())
    if not count:
        nan = float("nan")
        return Universality(None, None, None, nan, nan, nan, 0)
    middle = tuple(float(np.median(values[compared])) for values in (cross, null, ceiling))
    value = normalised(middle[0], middle[1], middle[2])
    low = high = None
    if np.isfinite(value) and resampled is not None:
        low, high = _interval([values[:, compared] for values in resampled])
    found = value if np.isfinite(value) else None
    return Universality(found, low, high, middle[0], middle[1], middle[2], count)


def _interval(resampled: Sequence[NDArray[np.float64]]) -> tuple[float | None, float | None]:
    medians = [np.nanmedian(values, axis=1) for values in resampled]
    values = [normalised(*row) for row in zip(*medians, strict=True)]
    finite = [v for v in values if np.isfinite(v)]
    if not finite:
        return None, None
    low, high = np.percentile(finite, [2.5, 97.5])
    return float(low), float(high)
