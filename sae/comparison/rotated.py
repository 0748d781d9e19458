"""Features in a random basis, and those of another agent looked for among them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ortho_group

from sae.matching.correlation import Codes, code_covariance
from sae.matching.features import BestMatches, Features


@dataclass(frozen=True)
class RotatedFeatures(Features):
    """C features whose codes [N, C] stand for codes [N, C] of a random basis. seed: of the basis.

    Features of either agent are looked for in the other's rotated codes. These are never formed:
    their covariance with others follows from that of the codes, at C^3 operations and C^2 memory;
    beyond ``most`` features nothing is found.
    """

    seed: int
    most: int

    def matches_of(self, other: Features) -> tuple[BestMatches, BestMatches]:
        """The other's features looked for in these, rotated, and these in the other's, rotated."""
        if max(self.compared, other.compared) > self.most:
            return _no_matches(other.compared), _no_matches(self.compared)
        selection = code_covariance(other.selection, self.selection)
        evaluation = code_covariance(other.evaluation, self.evaluation)
        return (
            self._basis.best(other, selection, evaluation),
            _Basis.of(other, self.seed).best(self, selection.T, evaluation.T),
        )

    @cached_property
    def _basis(self) -> _Basis:
        return _Basis.of(self, self.seed)


@dataclass(frozen=True)
class _Basis:
    """rotation: float64 [C, C], orthogonal and uniform by Haar's measure (Mezzadri 2007).
    selection, evaluation: float64 [C], standard deviations of the rotated codes."""

    rotation: NDArray[np.float64]
    selection: NDArray[np.float64]
    evaluation: NDArray[np.float64]

    @staticmethod
    def of(features: Features, seed: int) -> _Basis:
        """A random basis for the features of an agent."""
        turn = ortho_group.rvs(features.compared, random_state=np.random.default_rng(seed))
        return _Basis(
            turn, _deviation(features.selection, turn), _deviation(features.evaluation, turn)
        )

    def best(
        self, asking: Features, selection: NDArray[np.float64], evaluation: NDArray[np.float64]
    ) -> BestMatches:
        """The best rotated code for every asking feature, from its covariances [Ca, C] with the
        codes before they are rotated, on either split."""
        if not len(self.selection):
            return _no_matches(asking.compared)
        of_asking = asking.selection.moments.deviation, asking.evaluation.moments.deviation
        r_selection = (selection @ self.rotation) / np.outer(of_asking[0], self.selection)
        r = (evaluation @ self.rotation) / np.outer(of_asking[1], self.evaluation)
        filled = np.where(np.isnan(r_selection), -np.inf, r_selection)
        best, rows = filled.argmax(axis=1), np.arange(len(filled))
        none = np.full(len(best), -1, dtype=np.int64)
        return BestMatches(best, none, filled[rows, best], r[rows, best])


def _deviation(codes: Codes, rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64 [C]: standard deviation of each rotated code."""
    variance = np.einsum("ij,ij->j", rotation, codes.covariance @ rotation)
    return np.asarray(np.sqrt(np.where(variance > 0, variance, np.nan)))


def _no_matches(count: int) -> BestMatches:
    none, nan = np.full(count, -1, dtype=np.int64), np.full(count, np.nan)
    return BestMatches(none, none, nan, nan)
