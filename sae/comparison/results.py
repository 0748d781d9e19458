"""A comparison as tables for pandas and a summary; docs/features.md explains every figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sae.comparison.compare import Comparison
from sae.comparison.correspondence import Correspondence
from sae.comparison.geometry import Geometry
from sae.comparison.matches import Matches, Pair
from sae.comparison.null_matches import null_columns
from sae.comparison.significance import MAX_Q
from sae.comparison.universality import Universality
from sae.config import ComparisonConfig
from sae.matching.families import Family
from sae.matching.features import Features

MIN_EXCESS = (0.05, 0.1, 0.2, 0.3)
"""Demands on the excess of families, for which they are counted."""
MATCH_COLUMNS = (
    *("agent_a", "feature_a", "agent_b", "feature_b", "second_b", "r", "r_chosen", "r_within"),
    *("p", "q", "mutual", "kind", "ridge_r2", "ridge_null_r2", "assigned", "assigned_r"),
    *("ceiling_r", "firings_a", "firings_b", "tokens", "site", "decoder_cosine", "decoder_match"),
    "dictionary",
)
"""Of matches.parquet; those of nulls come before the ceiling."""


class Dictionary(Protocol):
    """Where features are, and of which SAEs, in words."""

    @property
    def site(self) -> str:
        """Such as "blocks.2.hook_resid_post"."""

    @property
    def name(self) -> str:
        """Such as "batch_topk-512"."""


def match_table(
    comparison: Comparison,
    geometry: Mapping[Pair, Geometry] | None,
    features: Mapping[int, Features],
    dictionary: Dictionary,
) -> pd.DataFrame:
    """One row per ordered pair of agents and feature of the first, compared or not: with missing
    values for those that are not.

    features: of each agent's compared SAE. geometry: None where directions were not compared.
    """
    matches = comparison.matches
    parts = [
        _every_feature(matches.of(a, b), features[a]).assign(
            agent_a=a, agent_b=b, **_directions(geometry[a, b] if geometry else None)
        )
        for a, b in matches.rows
    ]
    table = pd.concat(parts, ignore_index=True).assign(
        tokens=comparison.tokens, site=dictionary.site, dictionary=dictionary.name
    )
    ceiling = MATCH_COLUMNS.index("ceiling_r")
    columns = [*MATCH_COLUMNS[:ceiling], *null_columns(comparison.overall).values()]
    return table[[*columns, *MATCH_COLUMNS[ceiling:]]]


def _directions(geometry: Geometry | None) -> dict[str, Any]:
    """Columns of what decoders say."""
    if geometry is None:
        return {"decoder_cosine": np.nan, "decoder_match": pd.NA}
    return {"decoder_cosine": geometry.cosine, "decoder_match": geometry.best}


def _every_feature(table: pd.DataFrame, features: Features) -> pd.DataFrame:
    """The rows of one pair, and others for the features that are not compared."""
    every = table.set_index("feature_a").reindex(pd.RangeIndex(features.size, name="feature_a"))
    optional = {
        name: every[name].astype("Int64").where(every[name] >= 0)
        for name in ("feature_b", "second_b", "assigned")
    }
    return every.assign(
        **optional,
        mutual=every.mutual.eq(True),
        firings_a=features.firings,
        firings_b=every.firings_b.fillna(0).astype(np.int64),
    ).reset_index()


def family_table(families: Sequence[Family], named: pd.DataFrame) -> pd.DataFrame:
    """One row per family, with its name. named: columns name, candidate and f1, a row each."""
    table = pd.DataFrame(
        {
            "family": np.arange(len(families)),
            "k": np.array([f.k for f in families], dtype=np.int64),
            "agents": [list(f.members) for f in families],
            "features": [list(f.members.values()) for f in families],
            "mean_r": np.array([f.mean_r for f in families], dtype=np.float64),
            "mean_excess": np.array([f.mean_excess for f in families], dtype=np.float64),
            "links": np.array([f.links for f in families], dtype=np.int64),
            "consistency": np.array([f.consistency for f in families], dtype=np.float64),
        }
    )
    return table.assign(name=named["name"], candidate=named.candidate, name_f1=named.f1)


def summary(
    comparison: Comparison,
    geometry: Mapping[Pair, Geometry] | None,
    dictionary: Dictionary,
    config: ComparisonConfig,
    saes: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """The figures of a comparison in plain types; the schema is documented in docs/features.md."""
    first = config.null_names[0]
    return {
        "site": dictionary.site,
        "dictionary": dictionary.name,
        "agents": sorted({a for a, _ in comparison.matches.rows}),
        "quizzes": comparison.quizzes,
        "tokens": comparison.tokens,
        "min_firings": config.min_firings,
        "null": first,
        "permutations": config.permutations,
        "resamples": config.resamples,
        "universality": asdict(comparison.overall[first]),
        "jackknife": jackknife(comparison.without),
        "by_null": {
            name: {**asdict(universality), "unmoved": comparison.unmoved[name]}
            for name, universality in comparison.overall.items()
        },
        "by_frequency": [
            {"above": low, "to": high, **asdict(universality)}
            for (low, high), universality in comparison.by_frequency.items()
        ],
        "discoveries": _discoveries(comparison),
        "kinds": _kinds(comparison.matches),
        "geometry": _geometry(comparison.matches, geometry) if geometry else None,
        "pairs": [_pair(comparison, a, b) for a, b in comparison.pairs],
        "matrices": _matrices(comparison.matches),
        "families": {
            "max_q": MAX_Q,
            "shared": comparison.shared,
            "shared_above": comparison.shared_above,
            "by_excess": by_excess(comparison.families),
            "consistency": _mean([f.consistency for f in comparison.families if f.k > 2]),
        },
        "saes": list(saes),
    }


def baseline_figures(
    universality: Universality, qualities: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """A baseline's universality with the mean quality of its SAEs, if it has any."""
    names = ("l0", "explained_variance", "dead", "ce_recovered", "accuracy_sae")
    quality = {name: _mean([q[name] for q in qualities]) for name in names} if qualities else None
    return {**asdict(universality), "quality": quality}


def jackknife(without: Mapping[int, float | None]) -> dict[str, Any] | None:
    """Universality without one agent at a time, and the standard error over agents that follows
    (J. W. Tukey 1958; of statistics of pairs, J. N. Arvesen 1969). None for two agents."""
    values = [value for value in without.values() if value is not None]
    if len(values) < max(len(without), 3):
        return None
    error = np.sqrt((len(values) - 1) * np.var(values))
    return {"without": {str(a): v for a, v in without.items()}, "standard_error": float(error)}


def by_excess(families: Sequence[Family]) -> dict[str, dict[int, int]]:
    """For some demands on the mean excess of a family's links, how many families of k agents."""
    counts = {}
    for least in MIN_EXCESS:
        sizes = Counter(family.k for family in families if family.mean_excess > least)
        counts[str(least)] = dict(sorted(sizes.items()))
    return counts


def _discoveries(comparison: Comparison) -> dict[str, int]:
    """How many best matches, of all features of all ordered pairs, exceed chance."""
    q = comparison.matches.table.q
    return {"matches": int(q.notna().sum()), "beyond_chance": int((q <= MAX_Q).sum())}


def _geometry(matches: Matches, geometry: Mapping[Pair, Geometry]) -> dict[str, float | None]:
    """Directions of matched features of all pairs, and of all that have a match for contrast.

    variance: mean share of one agent's variance that another's turned activations give.
    matched: median cosine of features that are matched. compared: of all with their best match
    by activation. best: median of the highest cosine with any feature. agreement: share of
    matched features whose best match by cosine is that by activation.
    """
    table = matches.table
    cosine, best_cosine, best = (
        np.concatenate(
            [getattr(geometry[a, b], name)[matches.of(a, b).feature_a] for a, b in matches.rows]
        )
        for name in ("cosine", "best_cosine", "best")
    )
    compared = table.r.notna().to_numpy()
    linked = (table.kind == Correspondence.MATCHED).fillna(False).to_numpy(dtype=np.bool_)
    agree = best[linked] == table.feature_b.to_numpy()[linked]
    return {
        "variance": _mean([one.explained for one in geometry.values()]),
        "matched": _median(cosine[linked]),
        "compared": _median(cosine[compared]),
        "best": _median(best_cosine[compared]),
        "agreement": _mean(agree.astype(float).tolist()),
    }


def _kinds(matches: Matches) -> dict[str, dict[str, int]]:
    """How many features of each kind: over all ordered pairs of agents, and how many of the
    features of all agents are of that kind in every other agent."""
    table = matches.table.assign(kind=matches.table.kind.fillna(""))
    of_feature = table.groupby(["agent_a", "feature_a"]).kind
    everywhere = of_feature.first()[of_feature.nunique() == 1]
    return {
        "pairs": {kind.value: int((table.kind == kind).sum()) for kind in Correspondence},
        "everywhere": {kind.value: int((everywhere == kind).sum()) for kind in Correspondence},
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _pair(comparison: Comparison, a: int, b: int) -> dict[str, Any]:
    ahead, back = comparison.matches.of(a, b), comparison.matches.of(b, a)
    compared = int(ahead.r.notna().sum() + back.r.notna().sum())
    mutual = int(ahead.mutual.sum())
    return {
        "agent_a": a,
        "agent_b": b,
        **asdict(comparison.pairs[a, b]),
        "mutual": mutual,
        "mutual_share": 2 * mutual / compared if compared else None,
        "assigned_r": _median(ahead.assigned_r),
        "null_by_name": {
            name: _median(pd.concat([ahead[column], back[column]]))
            for name, column in null_columns(comparison.overall).items()
        },
    }


def _matrices(matches: Matches) -> dict[str, list[list[float]]]:
    """Square tables over agents: row a, column b is a's features looked for in b."""
    agents = sorted({a for a, _ in matches.rows})
    r, null_r = np.full((2, len(agents), len(agents)), np.nan)
    for a, b in matches.rows:
        i, j, table = agents.index(a), agents.index(b), matches.of(a, b)
        r[i, j], null_r[i, j] = _median(table.r), _median(table.null_r)
        r[i, i] = _median(table.ceiling_r)
    return {"r": r.tolist(), "null_r": null_r.tolist()}


def _median(values: ArrayLike) -> float:
    values = np.asarray(values)
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else float("nan")
