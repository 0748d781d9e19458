"""Families of features on quizzes that one agent fails: which of its members stay silent?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sae.statistics.reference import deviation


def family_deviations(
    members: Sequence[Mapping[int, int]],
    shares: Mapping[int, NDArray[np.floating]],
    dissenter: NDArray[np.int64],
    reference: NDArray[np.bool_],
    stratum: NDArray[np.int64],
) -> pd.DataFrame:
    """For each family, how much less often the dissenter's member fires than those of the others.

    members: feature by agent, of each family. shares: by agent, float [Q, F], of
    ``firing_shares``. dissenter: int64 [Q], -1 where there is none. reference: bool [Q], quizzes
    that nobody fails. stratum: int64 [Q], such as the task and direction of each quiz, of which
    quizzes that somebody fails have their own mixture.

    Columns: family, quizzes (failed by one of its agents, of strata with a reference), difference
    (share of tokens on which the dissenter's member fires, less the mean of the others', less what
    the same difference is on quizzes of the same stratum that nobody fails; mean over quizzes) and
    p, two-sided, of a t-test that takes the reference as known from samples
    (``deviation``). Difference and p are NaN with fewer than two quizzes.
    """
    rows = []
    for number, family in enumerate(members):
        fires = np.stack([shares[agent][:, f] for agent, f in family.items()], axis=1)
        result = deviation(_apart(fires), _place(list(family), dissenter), reference, stratum)
        rows.append(
            {
                "family": number,
                "quizzes": 0 if result is None else len(result.rows),
                "difference": np.nan if result is None else result.mean,
                "p": np.nan if result is None else result.p,
            }
        )
    return pd.DataFrame(rows, columns=["family", "quizzes", "difference", "p"])


def _apart(fires: NDArray[np.floating]) -> NDArray[np.float64]:
    """float64 [Q, A]: each agent's share [Q, A], less the mean of the others'."""
    shares = fires.astype(np.float64)
    others = (shares.sum(axis=1, keepdims=True) - shares) / (shares.shape[1] - 1)
    return np.asarray(shares - others)


def _place(agents: Sequence[int], dissenter: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64 [Q]: which of the agents is the dissenter [Q], -1 for none of them."""
    is_one = dissenter[:, None] == np.array(agents)
    return np.where(is_one.any(axis=1), is_one.argmax(axis=1), -1)
