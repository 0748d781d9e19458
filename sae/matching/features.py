"""The features of one dictionary that take part in a comparison, and their matches in another.

Matches are chosen on the selection split of the quizzes and graded on the evaluation split:
otherwise the best of many would flatter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sae.activations.harvest import TokenRows
from sae.matching.correlation import Codes, make_codes, paired_correlation
from sae.matching.search import Best, search


@dataclass(frozen=True)
class BestMatches:
    """The best match of each of C features among the compared features of another dictionary.

    column: int64 [C], which of these, -1 for none. second: int64 [C], the next best, -1 where there
    is none or none was looked for. r_selection: float64 [C], their correlation on the split on
    which they were chosen; r: on the evaluation split; NaN for none.
    """

    column: NDArray[np.int64]
    second: NDArray[np.int64]
    r_selection: NDArray[np.float64]
    r: NDArray[np.float64]


@dataclass(frozen=True)
class Features:
    """What one dictionary makes of N tokens. F features, C of which are compared.

    index: int64 [C], which features these are. firings: int64 [F], tokens on which each of the
    F fires. selection, evaluation: codes of the C features on either split of the quizzes.
    """

    index: NDArray[np.int64]
    firings: NDArray[np.int64]
    selection: Codes
    evaluation: Codes

    @property
    def size(self) -> int:
        """F: all features, compared or not."""
        return len(self.firings)

    @property
    def compared(self) -> int:
        """C."""
        return len(self.index)

    @cached_property
    def tokens(self) -> int:
        """N."""
        return self.selection.moments.tokens + self.evaluation.moments.tokens

    @property
    def variance(self) -> NDArray[np.float64]:
        """float64 [C]: on the evaluation split, in units of that on the selection split."""
        deviation = self.evaluation.moments.deviation / self.selection.moments.deviation
        return np.asarray(deviation**2)

    def matches_of(self, other: Features) -> tuple[BestMatches, BestMatches]:
        """The features of another dictionary looked for among these, and these among the other's.

        A null that does not permute rows has features of its own that are matched otherwise.
        """
        forward, backward = search(other.selection, self.selection)
        return (
            _graded(forward, other.evaluation, self.evaluation),
            _graded(backward, self.evaluation, other.evaluation),
        )

    def permuted(self, selection: Any, evaluation: Any) -> Features:
        """The same features with the rows of either split in another order, as codes take it."""
        return replace(
            self,
            selection=self.selection.permuted(selection),
            evaluation=self.evaluation.permuted(evaluation),
        )


def _graded(best: Best, x: Codes, y: Codes) -> BestMatches:
    return BestMatches(best.column, best.second, best.r, paired_correlation(x, y, best.column))


def select_features(
    codes: sparse.csr_array, evaluation: NDArray[np.bool_], min_firings: int
) -> Features:
    """The features of codes [N, F] that fire on ``min_firings`` tokens of either split and vary.

    evaluation: bool [N], which rows figures are reported on.
    """
    splits = [make_codes(codes[np.flatnonzero(evaluation == split)]) for split in (False, True)]
    often = [
        (split.moments.firings >= min_firings) & np.isfinite(split.moments.deviation)
        for split in splits
    ]
    index = np.flatnonzero(often[0] & often[1])
    firings = splits[0].moments.firings + splits[1].moments.firings
    return Features(index, firings, splits[0].taken(index), splits[1].taken(index))


@dataclass(frozen=True)
class Residual:
    """What is left of codes when all that is trivially shared is taken out.

    values: float32 [N, C], codes less their mean in their stratum, the tokens of the same task,
    layout, position and last token. spread: float32 [N], sqrt(n / (n - 1)) for a row in a stratum
    of n: products of residuals vary by so much more than those of one row say, since the residuals
    of a stratum add up to 0.
    """

    values: sparse.csr_array
    spread: NDArray[np.float32]


def within_strata(codes: Codes, rows: TokenRows) -> Residual:
    """The residual of codes [N, C] on N rows."""
    stratum = rows.strata
    count = np.bincount(stratum)
    member = sparse.csr_array(
        (np.ones(len(stratum)), stratum, np.arange(len(stratum) + 1)),
        shape=(len(stratum), len(count)),
    )
    scale = sparse.diags_array(1 / count).tocsr()
    means = scale @ (member.T.tocsr() @ codes.values.astype(np.float64))
    values = sparse.csr_array(codes.values - means.tocsr().astype(np.float32)[stratum])
    # Alone in its stratum, a row leaves nothing.
    others = np.maximum(count - 1, 1)
    return Residual(values, np.sqrt(count / others)[stratum].astype(np.float32))
