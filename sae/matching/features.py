"""The features of one dictionary that take part in a comparison, on both halves of the quizzes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sae.activations.harvest import TokenRows
from sae.matching.correlation import Codes, make_codes


@dataclass(frozen=True)
class Features:
    """What one dictionary makes of N tokens. F features, C of which are compared.

    index: int64 [C], which features these are. firings: int64 [F], tokens on which each of the
    F fires. choosing, reported: codes of the C features on either half of the quizzes.
    """

    index: NDArray[np.int64]
    firings: NDArray[np.int64]
    choosing: Codes
    reported: Codes

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
        return self.choosing.moments.tokens + self.reported.moments.tokens


def select_features(
    codes: sparse.csr_array, reported: NDArray[np.bool_], min_firings: int
) -> Features:
    """The features of codes [N, F] that fire on ``min_firings`` tokens of either half and vary.

    reported: bool [N], which rows figures are reported on.
    """
    halves = [make_codes(codes[np.flatnonzero(reported == half)]) for half in (False, True)]
    often = [
        (half.moments.firings >= min_firings) & np.isfinite(half.moments.deviation)
        for half in halves
    ]
    index = np.flatnonzero(often[0] & often[1])
    firings = halves[0].moments.firings + halves[1].moments.firings
    return Features(index, firings, halves[0].taken(index), halves[1].taken(index))


@dataclass(frozen=True)
class Residual:
    """What is left of codes when all that is trivially shared is taken out.

    values: float32 [N, C], codes less their mean among tokens of the same task, layout,
    position and last token. spread: float32 [N], sqrt(n / (n - 1)) for a row in a cell of n:
    products of residuals vary by so much more than those of one row say, since the residuals of a
    cell add up to 0.
    """

    values: sparse.csr_array
    spread: NDArray[np.float32]


def within_cells(codes: Codes, rows: TokenRows) -> Residual:
    """The residual of codes [N, C] on N rows."""
    cell = rows.cells
    count = np.bincount(cell)
    member = sparse.csr_array(
        (np.ones(len(cell)), cell, np.arange(len(cell) + 1)), shape=(len(cell), len(count))
    )
    scale = sparse.diags_array(1 / count).tocsr()
    means = scale @ (member.T.tocsr() @ codes.values.astype(np.float64))
    values = sparse.csr_array(codes.values - means.tocsr().astype(np.float32)[cell])
    # Alone in its cell, a row leaves nothing.
    alone = np.maximum(count - 1, 1)
    return Residual(values, np.sqrt(count / alone)[cell].astype(np.float32))
