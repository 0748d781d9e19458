"""Does "no family" in the matching of separate SAEs mean "unique" to the crosscoder?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from sae.correlation import pearson
from sae.crosscoder.analysis import CrosscoderAnalysis
from world.errors import UserError


@dataclass(frozen=True)
class Agreement:
    """How far two ways of calling features unique agree; shares are of ``features``.

    features: how many were called by both. matching, crosscoder, both: how many are unique by
    either and by both. observed: share called alike. expected: the same if the two were
    independent. kappa: (observed - expected) / (1 - expected), 0 for chance and 1 for full
    agreement (Cohen 1960); NaN where both call all features alike.
    """

    features: int
    matching: int
    crosscoder: int
    both: int
    observed: float
    expected: float
    kappa: float


def match_features(
    own: Mapping[int, sparse.csr_array],
    families: pd.DataFrame,
    analysis: CrosscoderAnalysis,
    min_firings: int,
) -> pd.DataFrame:
    """One row per feature of each agent's own SAE that fires on ``min_firings`` tokens.

    own: codes [N, F] by agent, on the tokens of the analysis. families: columns ``k``, ``agents``
    and ``features``, as in families.parquet. Columns: ``agent``, ``feature``; ``k``, agents in its
    family, 1 for none; ``crosscoder_feature``, the judged one of highest correlation ``r``, with
    its ``carriers`` and ``owner``; ``unique``, whether this agent alone carries that feature.
    Raises UserError when the crosscoder has no judged feature.
    """
    judged = np.flatnonzero(analysis.features.judged)
    if not len(judged):
        raise UserError(
            "no feature of the crosscoder fires often enough to be judged; train it on more tokens "
            "or lower crosscoder.min_firings"
        )
    shared, widths = analysis.codes[:, judged].tocsr(), _widths(families)
    tables = []
    for agent in sorted(own):
        index = np.flatnonzero(_firings(own[agent]) >= min_firings)
        r = np.nan_to_num(pearson(own[agent][:, index].tocsr(), shared))
        best = r.argmax(axis=1)
        columns = {
            "agent": agent,
            "feature": index,
            "k": [widths.get((agent, int(feature)), 1) for feature in index],
            "crosscoder_feature": judged[best],
            "r": r[np.arange(len(best)), best],
        }
        tables.append(pd.DataFrame(columns))
    matched = pd.concat(tables, ignore_index=True)
    kinds = analysis.features.set_index("feature")[["carriers", "owner"]]
    matched = matched.join(kinds, on="crosscoder_feature")
    matched["unique"] = (matched.carriers == 1) & (matched.owner == matched.agent)
    return matched


def _widths(families: pd.DataFrame) -> dict[tuple[int, int], int]:
    """k by (agent, feature)."""
    return {
        (int(agent), int(feature)): int(k)
        for k, agents, features in zip(families.k, families.agents, families.features, strict=True)
        for agent, feature in zip(agents, features, strict=True)
    }


def _firings(codes: sparse.csr_array) -> NDArray[np.int64]:
    return np.bincount(codes.indices[codes.data != 0], minlength=codes.shape[1])


def cross_table(matched: pd.DataFrame, min_r: float = 0.0) -> pd.DataFrame:
    """Counts of features by ``k`` and ``carriers``, of those matched with r of at least min_r."""
    good = matched[matched.r >= min_r]
    return pd.crosstab(good.k, good.carriers)


def agreement(matched: pd.DataFrame, min_r: float = 0.0) -> Agreement:
    """Agreement on "unique", over features matched with r of at least ``min_r``."""
    good = matched[matched.r >= min_r]
    alone, unique = good.k == 1, good.unique
    p, q = alone.mean(), unique.mean()
    observed, expected = float((alone == unique).mean()), float(p * q + (1 - p) * (1 - q))
    return Agreement(
        features=len(good),
        matching=int(alone.sum()),
        crosscoder=int(unique.sum()),
        both=int((alone & unique).sum()),
        observed=observed,
        expected=expected,
        kappa=(observed - expected) / (1 - expected) if expected < 1 else float("nan"),
    )
