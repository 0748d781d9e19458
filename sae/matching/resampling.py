"""Correlations of matched features on bootstrap resamples of quizzes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sae.matching.correlation import Codes, Labels, grouped_moments, grouped_products


@dataclass(frozen=True)
class Spread:
    """Mean and variance of F features on R resamples, float64 [R, F]; no variance is NaN."""

    mean: NDArray[np.float64]
    variance: NDArray[np.float64]


@dataclass
class _Kept:
    """The spread of a set of codes, once it is measured, and what its measuring is done under."""

    lock: Lock = field(default_factory=Lock)
    spread: Spread | None = None


@dataclass(frozen=True)
class Resampler:
    """Correlations of given pairs of features on bootstrap resamples of quizzes.

    weights: float64 [R, Q], how often each quiz is in each resample. quiz: int64 [N], or block by
    block where codes are.
    Sums over the tokens of each quiz suffice for every resample. Those of a set of codes are
    formed once, and forgotten with the codes: they are asked for in pair after pair, and by
    several threads at a time.
    """

    weights: NDArray[np.float64]
    quiz: NDArray[np.int64] | Labels
    _known: WeakKeyDictionary[Codes, _Kept] = field(default_factory=WeakKeyDictionary, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def correlation(self, x: Codes, y: Codes, match: NDArray[np.int64]) -> NDArray[np.float32]:
        """float32 [R, C]: r of each feature of x [N, C] with its match [C] in y, NaN for -1 and
        without variance."""
        r = np.full((len(self.weights), x.size), np.nan, dtype=np.float32)
        if not (match >= 0).any():
            return r
        ours, theirs = self._spread(x), self._spread(y)
        for block in _blocks(np.flatnonzero(match >= 0), x.at_once):
            other = match[block]
            sums = np.zeros(())
            for a, b, quiz in zip(x.blocks(), y.blocks(), self._labels, strict=True):
                values = _columns(a, block)
                sums = sums + grouped_products(values, b, other, quiz, self._quizzes)
            shared = self._mean(sums) - ours.mean[:, block] * theirs.mean[:, other]
            r[:, block] = shared / np.sqrt(ours.variance[:, block] * theirs.variance[:, other])
        return r

    def _spread(self, codes: Codes) -> Spread:
        with self._lock:
            kept = self._known.setdefault(codes, _Kept())
        # A lock for each set of codes: others are measured meanwhile.
        with kept.lock:
            if kept.spread is None:
                kept.spread = self._measured(codes)
        return kept.spread

    def _measured(self, codes: Codes) -> Spread:
        shape = len(self.weights), codes.size
        mean, square = np.empty(shape), np.empty(shape)
        for block in _blocks(np.arange(codes.size), codes.at_once):
            total = squares = np.zeros(())
            for values, quiz in zip(codes.blocks(), self._labels, strict=True):
                part = grouped_moments(_columns(values, block), quiz, self._quizzes)
                total, squares = total + part[0], squares + part[1]
            mean[:, block], square[:, block] = self._mean(total), self._mean(squares)
        variance = square - mean**2
        varies = variance > 1e-12 * (mean**2 + 1e-30)
        return Spread(mean, np.where(varies, variance, np.nan))

    def _mean(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64 [R, F]: mean over the tokens of each resample, of sums by quiz [Q, F]."""
        return np.asarray(self.weights @ sums / (self.weights @ self._tokens)[:, None])

    @cached_property
    def _tokens(self) -> NDArray[np.int64]:
        """int64 [Q]: of each quiz."""
        counts = (np.bincount(quiz, minlength=self._quizzes) for quiz in self._labels)
        return np.asarray(sum(counts))

    @property
    def _labels(self) -> Labels:
        return (self.quiz,) if isinstance(self.quiz, np.ndarray) else self.quiz

    @property
    def _quizzes(self) -> int:
        return self.weights.shape[1]


def _columns(values: sparse.csr_array, features: NDArray[np.int64]) -> sparse.csr_array:
    """Codes of some features; of all without a copy."""
    return values if len(features) == values.shape[1] else values[:, features]


def _blocks(features: NDArray[np.int64], most: int) -> list[NDArray[np.int64]]:
    return np.array_split(features, -(-len(features) // most) or 1)
