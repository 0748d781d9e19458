"""Is what the matching of separate SAEs calls one agent's own so to the crosscoder?

Matching has two such verdicts: a feature is in no family, or it is of the kind "unique" in every
other agent, which is stricter. Of a feature without a partner the crosscoder says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from sae.crosscoder.analysis import CrosscoderAnalysis
from sae.matching.correlation import pearson
from world.core.errors import UserError


@dataclass(frozen=True)
class Agreement:
    """How far two ways of calling features unique agree; shares are of ``features``.

    features: how many were called by both. matching, crosscoder, both: how many are one agent's own
    by either and by both. observed: share called alike. expected: the same if the two were
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


@dataclass(frozen=True)
class Partners:
    """What the crosscoder has of the features that matching calls one agent's own.

    features: how many there are. median_r: of their best correlations with a judged feature, NaN
    without any. partners: how many have one of min_r at least; by_carriers: of these, by the agents
    that carry it; unique: how many of them this agent alone carries.
    """

    features: int
    median_r: float
    partners: int
    by_carriers: dict[str, int]
    unique: int


def match_features(
    codes: Mapping[int, sparse.csr_array],
    families: pd.DataFrame,
    matches: pd.DataFrame,
    analysis: CrosscoderAnalysis,
    min_firings: int,
) -> pd.DataFrame:
    """One row per feature of each agent's own SAE that fires on ``min_firings`` tokens.

    codes: [N, F] by agent, on the tokens of the analysis. families: columns ``k``, ``agents``
    and ``features``, as in families.parquet. matches: columns ``agent_a``, ``feature_a`` and
    ``kind``, as in matches.parquet. Columns: ``agent``, ``feature``; ``k``, agents in its family, 1
    for none; ``kind``, what becomes of it in every other agent, None where that differs or is not
    known; ``crosscoder_feature``, the judged one of highest correlation ``r``, with
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
    for agent in sorted(codes):
        index = np.flatnonzero(_firings(codes[agent]) >= min_firings)
        r = np.nan_to_num(pearson(codes[agent][:, index].tocsr(), shared))
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
    carried = analysis.features.set_index("feature")[["carriers", "owner"]]
    matched = matched.join(carried, on="crosscoder_feature")
    matched = matched.join(_everywhere(matches), on=["agent", "feature"])
    matched["unique"] = (matched.carriers == 1) & (matched.owner == matched.agent)
    return matched


def _everywhere(matches: pd.DataFrame) -> pd.Series[str]:
    """The kind that a feature is in every other agent, by agent and feature; None for none."""
    kinds = matches.assign(kind=matches.kind.fillna("")).groupby(["agent_a", "feature_a"]).kind
    first = kinds.first().astype(object)
    return first.where((kinds.nunique() == 1) & (first != ""), None)


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


def agreement(matched: pd.DataFrame, alone: pd.Series[bool], min_r: float = 0.0) -> Agreement:
    """Agreement on what is one agent's own, over features matched with r of at least ``min_r``.

    alone: for each row of matched, whether matching calls it so.
    """
    good = matched.r >= min_r
    alone, unique = alone[good], matched.unique[good]
    p, q = alone.mean(), unique.mean()
    observed, expected = float((alone == unique).mean()), float(p * q + (1 - p) * (1 - q))
    return Agreement(
        features=len(alone),
        matching=int(alone.sum()),
        crosscoder=int(unique.sum()),
        both=int((alone & unique).sum()),
        observed=observed,
        expected=expected,
        kappa=(observed - expected) / (1 - expected) if expected < 1 else float("nan"),
    )


def partners(matched: pd.DataFrame, alone: pd.Series[bool], min_r: float) -> Partners:
    """What the crosscoder has of the rows of matched that matching calls one agent's ``alone``."""
    by_one = matched[alone]
    good = by_one[by_one.r >= min_r]
    carriers = good.carriers.value_counts().sort_index()
    return Partners(
        features=len(by_one),
        median_r=float(by_one.r.median()),
        partners=len(good),
        by_carriers={str(count): int(n) for count, n in carriers.items()},
        unique=int(good.unique.sum()),
    )
