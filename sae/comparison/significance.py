"""Is a match more than what two agents share trivially? One test a match, false discoveries held.

Under the null two features are unrelated among tokens of one stratum (same task, layout,
position and last token). The test is a t-test, over quizzes, of the sum of products of what is
left of both when each stratum's mean is taken out; tokens of a quiz are never taken as independent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from sae.activations.harvest import TokenRows
from sae.comparison.matches import Matches, Pair
from sae.matching.correlation import Codes, arrays, grouped_moments, grouped_products
from sae.matching.features import Features, Residual, within_strata
from sae.matching.kernels import add_residual_products
from sae.statistics.false_discovery import false_discovery
from sae.threads import side_by_side

if TYPE_CHECKING:
    from sae.streamed.rows import StoredSplit

MAX_Q = 0.05
"""Share of false discoveries allowed among matches that count."""
ROUNDING = 1e-10
"""Share of a sum of squares that may be due to the rounding of float64."""


def with_significance(
    matches: Matches, features: Mapping[int, Features], rows: TokenRows | StoredSplit
) -> Matches:
    """Adds r_within, the correlation of features with their match when the means of strata are
    taken out; p, one-sided, of that; and q, of all p together. rows: of the evaluation split."""
    test = _held(features, rows) if isinstance(rows, TokenRows) else _in_blocks(features, rows)
    r_within, p = matches.each_direction(test)
    return matches.adding({}, r_within=r_within, p=p, q=false_discovery(p))


Test = Callable[[Pair, NDArray[np.int64]], tuple[NDArray[np.float64], ...]]
"""Of a pair of agents and the column in b that its features match: r_within and p."""


def _held(features: Mapping[int, Features], rows: TokenRows) -> Test:
    """Codes in memory: what is left of them is formed once for all pairs."""
    jobs = [partial(within_strata, f.evaluation, rows) for f in features.values()]
    residuals = dict(zip(features, side_by_side(jobs), strict=True))
    source = rows.source[rows.quiz]

    def test(pair: Pair, column_b: NDArray[np.int64]) -> tuple[NDArray[np.float64], ...]:
        return within_stratum_test(residuals[pair[0]], residuals[pair[1]], column_b, source)

    return test


def _in_blocks(features: Mapping[int, Features], rows: StoredSplit) -> Test:
    """Codes on the disk: what is left of them, which is dense, is never formed."""

    def test(pair: Pair, column_b: NDArray[np.int64]) -> tuple[NDArray[np.float64], ...]:
        x, y = (features[agent].evaluation for agent in pair)
        square_x, square_y = np.zeros(x.size), np.zeros(y.size)
        total, sums = np.zeros(x.size), np.zeros((rows.quizzes, x.size))
        for ours, theirs, block in zip(x.blocks(), y.blocks(), rows.blocks(), strict=True):
            order = np.argsort(block.strata, kind="stable")
            first = np.searchsorted(block.strata[order], np.arange(block.strata.max() + 2))
            both = *arrays(ours), *arrays(theirs), column_b, order, first, block.quiz
            add_residual_products(*both, total, sums, square_x, square_y)
        squares = _without_rounding(square_x, x), _without_rounding(square_y, y)
        return _tested(total, sums, *squares, column_b)

    return test


def _without_rounding(squares: NDArray[np.float64], codes: Codes) -> NDArray[np.float64]:
    """Sums of squares [F] about means of strata; 0 where they are but rounding of the sum of all
    squares, as those of a feature that its stratum determines are."""
    moments = codes.moments
    whole = moments.tokens * (moments.deviation**2 + moments.mean**2)
    return np.where(squares > ROUNDING * whole, squares, 0.0)


def within_stratum_test(
    x: Residual,
    y: Residual,
    match: NDArray[np.int64],
    source: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Correlation within strata and its one-sided p-value, float64 [Fx] each; NaN for -1.

    x, y: of Fx and Fy features, on the same rows. source: int64 [N], the quiz of each row, 0 ..
    Q - 1, one number for all writings of it.
    """
    quizzes = int(source.max(initial=-1)) + 1
    one = np.zeros(len(source), dtype=np.int64)
    total = grouped_products(x.values, y.values, match, one, 1)[0]
    scaled = _scaled(x.values, x.spread)
    sums = grouped_products(scaled, y.values, match, source, quizzes)
    square_x, square_y = (grouped_moments(residual.values, one, 1)[1][0] for residual in (x, y))
    return _tested(total, sums, square_x, square_y, match)


def _tested(
    total: NDArray[np.float64],
    sums: NDArray[np.float64],
    square_x: NDArray[np.float64],
    square_y: NDArray[np.float64],
    match: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The correlation and its p-value from sums of products, over all rows [Fx] and, each times the
    spread of its row, by quiz [Q, Fx]; and from sums of squares [Fx] and [Fy]."""
    quizzes = len(sums)
    scale = np.sqrt(square_x * np.append(square_y, np.nan)[match])
    spread = sums.std(axis=0, ddof=1) * np.sqrt(quizzes)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.where(scale > 0, total / scale, np.nan)
        # A feature that its stratum determines leaves nothing to test: no evidence, p = 1.
        t = np.where(spread > 0, total / spread, 0.0)
    p = stats.t.sf(t, df=max(quizzes - 1, 1))
    return r, np.where(match >= 0, p, np.nan)


def _scaled(values: sparse.csr_array, scale: NDArray[np.float32]) -> sparse.csr_array:
    """Each row [N, F] times its scale [N]; SciPy's own ``multiply`` sorts all entries anew."""
    data = values.data * np.repeat(scale, np.diff(values.indptr))
    return sparse.csr_array((data, values.indices, values.indptr), shape=values.shape)
