"""A comparison as tables for pandas and a summary; docs/features.md explains every figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sae.comparison.compare import Comparison
from sae.comparison.correspondence import Kind
from sae.comparison.geometry import Geometry
from sae.comparison.significance import MAX_Q
from sae.comparison.universality import Universality
from sae.concepts.meaning import Meaning
from sae.config import SAEConfig
from sae.matching.assignment import FeatureMatch
from sae.matching.families import Family

Pair = tuple[int, int]
"""Two agents, in order."""
MIN_EXCESS = (0.05, 0.1, 0.2, 0.3)
"""Demands on the excess of families, for which they are counted."""
SCHEMA = 1
"""Version of the files of a comparison; raised when a reader of them would have to change."""


def match_table(
    comparison: Comparison, geometry: Mapping[Pair, Geometry], dictionary: str
) -> pd.DataFrame:
    """One row per ordered pair of agents and feature of the first, compared or not.

    dictionary: architecture and width of the SAEs.
    """
    rows = [
        _match_rows(
            comparison.directions[pair].match, comparison.q[pair], comparison.kinds[pair]
        ).assign(decoder_cosine=geometry[pair].cosine, decoder_match=geometry[pair].best)
        for pair in sorted(comparison.directions)
    ]
    return pd.concat(rows, ignore_index=True).assign(dictionary=dictionary)


def _match_rows(
    match: FeatureMatch, q: NDArray[np.float64], kinds: NDArray[np.str_]
) -> pd.DataFrame:
    size = len(match.feature_b)
    first, *others = match.null_r
    return pd.DataFrame(
        {
            "agent_a": np.full(size, match.agent_a),
            "feature_a": np.arange(size),
            "agent_b": np.full(size, match.agent_b),
            "feature_b": _optional(match.feature_b),
            "second_b": _optional(match.second_b),
            "r": match.r,
            "r_chosen": match.r_chosen,
            "r_within": match.r_within,
            "p": match.p,
            "q": q,
            "mutual": match.mutual,
            "kind": pd.Series(kinds, dtype="string").replace("", pd.NA),
            "ridge_r2": match.ridge_r2,
            "ridge_null_r2": match.ridge_null_r2,
            "assigned": _optional(match.assigned),
            "assigned_r": match.assigned_r,
            "null_r": match.null_r[first],
            **{f"null_r_{name}": match.null_r[name] for name in others},
            "ceiling_r": match.ceiling_r,
            "firings_a": match.firings_a,
            "firings_b": match.firings_b,
            "tokens": match.tokens,
            "site": match.site,
        }
    )


def _optional(feature: NDArray[np.int64]) -> Any:
    """A column of integers in which -1 becomes missing."""
    return pd.Series(feature, dtype="Int64").where(feature >= 0)


def family_table(families: Sequence[Family], meaning: Meaning) -> pd.DataFrame:
    """One row per family, with its name."""
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
    named = meaning.families
    return table.assign(name=named["name"], candidate=named.candidate, name_f1=named.f1)


def summary(
    comparison: Comparison,
    geometry: Mapping[Pair, Geometry],
    config: SAEConfig,
    saes: Sequence[dict[str, Any]],
    culture: int,
) -> dict[str, Any]:
    """The figures of a comparison in plain types; the schema is documented in docs/features.md."""
    first = config.nulls[0]
    return {
        "schema": SCHEMA,
        "site": config.site,
        "dictionary": config.dictionary,
        "agents": sorted({a for a, _ in comparison.directions}),
        "quizzes": comparison.quizzes,
        "culture_quizzes": culture,
        "tokens": comparison.tokens,
        "min_firings": config.min_firings,
        "null": first,
        "permutations": config.permutations,
        "resamples": config.resamples,
        "universality": asdict(comparison.overall[first]),
        "jackknife": jackknife(comparison.without),
        "by_null": {
            name: {**asdict(found), "unmoved": comparison.unmoved[name]}
            for name, found in comparison.overall.items()
        },
        "by_frequency": [
            {"above": low, "to": high, **asdict(found)}
            for (low, high), found in comparison.by_frequency.items()
        ],
        "discoveries": _discoveries(comparison),
        "kinds": _kinds(comparison),
        "geometry": _geometry(comparison, geometry),
        "pairs": [_pair(comparison, a, b) for a, b in comparison.pairs],
        "matrices": _matrices(comparison, first),
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
    found = {}
    for least in MIN_EXCESS:
        sizes = Counter(family.k for family in families if family.mean_excess > least)
        found[str(least)] = dict(sorted(sizes.items()))
    return found


def _discoveries(comparison: Comparison) -> dict[str, int]:
    """How many best matches, of all features of all ordered pairs, exceed chance."""
    q = np.concatenate(list(comparison.q.values()))
    return {"matches": int(np.isfinite(q).sum()), "beyond_chance": int((q <= MAX_Q).sum())}


def _geometry(comparison: Comparison, geometry: Mapping[Pair, Geometry]) -> dict[str, float | None]:
    """Directions of matched features of all pairs, and of all compared ones for contrast.

    variance: mean share of one agent's variance that another's turned activations give.
    matched: median cosine of features that are matched. compared: of all with their best match
    by activation. best: median of the highest cosine with any feature. agreement: share of
    matched features whose best match by cosine is that by activation.
    """
    matched, compared, best, agree = [], [], [], []
    for pair, found in geometry.items():
        match, kind = comparison.directions[pair].match, comparison.kinds[pair]
        linked = kind == Kind.MATCHED
        matched.append(found.cosine[linked])
        compared.append(found.cosine[match.compared])
        best.append(found.best_cosine[match.compared])
        agree.append(found.best[linked] == match.feature_b[linked])
    return {
        "variance": _mean([found.explained for found in geometry.values()]),
        "matched": _median(np.concatenate(matched)),
        "compared": _median(np.concatenate(compared)),
        "best": _median(np.concatenate(best)),
        "agreement": _mean(np.concatenate(agree).astype(float).tolist()),
    }


def _kinds(comparison: Comparison) -> dict[str, dict[str, int]]:
    """How many features of each kind: over all ordered pairs of agents, and how many of the
    features of all agents are of that kind in every other agent."""
    pairs, everywhere = Counter[str](), Counter[str]()
    for agent in sorted({a for a, _ in comparison.kinds}):
        rows = np.stack([found for (a, _), found in comparison.kinds.items() if a == agent])
        pairs.update(kind for kind in rows.ravel().tolist() if kind)
        same = (rows == rows[0]).all(axis=0) & (rows[0] != "")
        everywhere.update(rows[0][same].tolist())
    return {
        "pairs": {kind.value: pairs[kind] for kind in Kind},
        "everywhere": {kind.value: everywhere[kind] for kind in Kind},
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _pair(comparison: Comparison, a: int, b: int) -> dict[str, Any]:
    found = [comparison.directions[a, b].match, comparison.directions[b, a].match]
    compared = sum(int(m.compared.sum()) for m in found)
    return {
        "agent_a": a,
        "agent_b": b,
        **asdict(comparison.pairs[a, b]),
        "mutual": int(found[0].mutual.sum()),
        "mutual_share": 2 * int(found[0].mutual.sum()) / compared if compared else None,
        "assigned_r": _median(found[0].assigned_r),
        "null_by_name": {
            name: _median(np.concatenate([m.null_r[name] for m in found]))
            for name in found[0].null_r
        },
    }


def _matrices(comparison: Comparison, null: str) -> dict[str, list[list[float]]]:
    """Square tables over agents: row a, column b is a's features looked for in b."""
    agents = sorted({a for a, _ in comparison.directions})
    size = len(agents)
    r, chance = np.full((size, size), np.nan), np.full((size, size), np.nan)
    for i, a in enumerate(agents):
        for j, b in enumerate(agents):
            if a != b:
                match = comparison.directions[a, b].match
                r[i, j], chance[i, j] = _median(match.r), _median(match.null_r[null])
                r[i, i] = _median(match.ceiling_r)
    return {"r": r.tolist(), "null_r": chance.tolist()}


def _median(values: NDArray[np.float64]) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else float("nan")
