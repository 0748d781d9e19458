"""Families of features on quizzes that one agent fails: which of its members stay silent?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats


def family_departures(
    members: Sequence[Mapping[int, int]],
    shares: Mapping[int, NDArray[np.floating]],
    dissenter: NDArray[np.int64],
    usual: NDArray[np.bool_],
    stratum: NDArray[np.int64],
) -> pd.DataFrame:
    """For each family, how much less often the dissenter's member fires than those of the others.

    members: feature by agent, of each family. shares: by agent, float [Q, F], of
    ``firing_shares``. dissenter: int64 [Q], -1 where there is none. usual: bool [Q], quizzes that
    nobody fails. stratum: int64 [Q], such as the task and direction of each quiz, of which quizzes
    that somebody fails have their own mixture.

    Columns: family, quizzes (failed by one of its agents), difference (share of tokens on which the
    dissenter's member fires, less the mean of the others', less what the same difference is on
    quizzes of the same stratum that nobody fails; mean over quizzes) and p, of a two-sided t-test
    of one sample. Both are NaN with fewer than two quizzes.
    """
    rows = []
    for number, family in enumerate(members):
        fires = {agent: shares[agent][:, f].astype(np.float64) for agent, f in family.items()}
        differences = [
            less_usual(_apart(fires, agent), usual, stratum)[dissenter == agent] for agent in family
        ]
        found = np.concatenate(differences)
        found = found[np.isfinite(found)]
        enough = len(found) > 1
        rows.append(
            {
                "family": number,
                "quizzes": len(found),
                "difference": float(found.mean()) if enough else np.nan,
                "p": _p(found) if enough else np.nan,
            }
        )
    return pd.DataFrame(rows, columns=["family", "quizzes", "difference", "p"])


def less_usual(
    values: NDArray[np.float64], usual: NDArray[np.bool_], stratum: NDArray[np.int64]
) -> NDArray[np.float64]:
    """float64 [Q]: values [Q], less their mean over the usual ones [Q] of the same stratum [Q];
    NaN where that has none. Values that are NaN have no part in it."""
    known = usual & np.isfinite(values)
    size = int(stratum.max(initial=-1)) + 1
    total = np.bincount(stratum[known], values[known], minlength=size)
    count = np.bincount(stratum[known], minlength=size)
    means = np.divide(total, count, out=np.full(size, np.nan), where=count > 0)
    return np.asarray(values - means[stratum])


def _apart(fires: Mapping[int, NDArray[np.float64]], agent: int) -> NDArray[np.float64]:
    """float64 [Q]: an agent's share, less the mean of the others'."""
    others = [share for other, share in fires.items() if other != agent]
    return np.asarray(fires[agent] - np.mean(others, axis=0))


def _p(values: NDArray[np.float64]) -> float:
    if np.ptp(values) == 0:
        return 1.0
    return float(stats.ttest_1samp(values, 0.0).pvalue)
