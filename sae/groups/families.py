"""Families of features on quizzes that one agent fails: which of its members stay silent?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats


def family_departures(
    members: Sequence[Mapping[int, int]],
    shares: Mapping[int, NDArray[np.float64]],
    dissenter: NDArray[np.int64],
) -> pd.DataFrame:
    """For each family, how much less often the dissenter's member fires than those of the others.

    members: feature by agent, of each family. shares: by agent, float64 [Q, F], of
    ``firing_shares``. dissenter: int64 [Q], -1 where nobody fails.

    Columns: family, quizzes (failed by one of its agents), difference (share of tokens on which the
    dissenter's member fires, less the mean of the others', less what the same difference is on
    quizzes that nobody fails; mean over quizzes) and p, of a two-sided t-test of one sample. Both
    are NaN with fewer than two quizzes.
    """
    usual = dissenter < 0
    rows = []
    for number, family in enumerate(members):
        fires = {agent: shares[agent][:, feature] for agent, feature in family.items()}
        differences = [
            (apart := _apart(fires, agent))[dissenter == agent] - apart[usual].mean()
            for agent in family
        ]
        found = np.concatenate(differences)
        enough = len(found) > 1 and usual.any()
        rows.append(
            {
                "family": number,
                "quizzes": len(found),
                "difference": float(found.mean()) if enough else np.nan,
                "p": _p(found) if enough else np.nan,
            }
        )
    return pd.DataFrame(rows, columns=["family", "quizzes", "difference", "p"])


def _apart(fires: Mapping[int, NDArray[np.float64]], agent: int) -> NDArray[np.float64]:
    """float64 [Q]: an agent's share, less the mean of the others'."""
    others = [share for other, share in fires.items() if other != agent]
    return np.asarray(fires[agent] - np.mean(others, axis=0))


def _p(values: NDArray[np.float64]) -> float:
    if np.ptp(values) == 0:
        return 1.0
    return float(stats.ttest_1samp(values, 0.0).pvalue)
