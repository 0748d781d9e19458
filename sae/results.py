"""A comparison as tables for pandas and a summary; docs/features.md explains every figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sae.compare import LINK_PERCENTILE, Comparison
from sae.config import SAEConfig
from sae.families import Family
from sae.matching import FeatureMatch


def match_table(matches: Sequence[FeatureMatch]) -> pd.DataFrame:
    """One row per ordered pair of agents and feature of the first, compared or not."""
    return pd.concat([_match_rows(match) for match in matches], ignore_index=True)


def _match_rows(match: FeatureMatch) -> pd.DataFrame:
    size = len(match.feature_b)
    first, *others = match.null_r
    return pd.DataFrame(
        {
            "agent_a": np.full(size, match.agent_a),
            "feature_a": np.arange(size),
            "agent_b": np.full(size, match.agent_b),
            "feature_b": _optional(match.feature_b),
            "r": match.r,
            "mutual": match.mutual,
            "assigned": _optional(match.assigned),
            "assigned_r": match.assigned_r,
            "null_r": match.null_r[first],
            **{f"null_r_{name}": match.null_r[name] for name in others},
            "ceiling_r": match.ceiling_r,
            "firings_a": match.firings_a,
            "firings_b": match.firings_b,
            "site": match.site,
        }
    )


def _optional(feature: NDArray[np.int64]) -> Any:
    """A column of integers in which -1 becomes missing."""
    return pd.Series(feature, dtype="Int64").where(feature >= 0)


def family_table(families: Sequence[Family]) -> pd.DataFrame:
    """One row per family."""
    return pd.DataFrame(
        {
            "family": np.arange(len(families)),
            "k": np.array([f.k for f in families], dtype=np.int64),
            "agents": [list(f.members) for f in families],
            "features": [list(f.members.values()) for f in families],
            "mean_r": np.array([f.mean_r for f in families], dtype=np.float64),
            "mean_excess": np.array([f.mean_excess for f in families], dtype=np.float64),
            "links": np.array([f.links for f in families], dtype=np.int64),
        }
    )


def summary(
    comparison: Comparison, config: SAEConfig, saes: Sequence[dict[str, Any]], culture: int
) -> dict[str, Any]:
    """The figures of a comparison in plain types; the schema is documented in docs/features.md."""
    first = config.nulls[0]
    return {
        "site": config.site,
        "agents": sorted({a for a, _ in comparison.directions}),
        "quizzes": comparison.quizzes,
        "culture_quizzes": culture,
        "tokens": comparison.tokens,
        "min_firings": config.min_firings,
        "null": first,
        "permutations": config.permutations,
        "resamples": config.resamples,
        "universality": asdict(comparison.overall[first]),
        "by_null": {
            name: {**asdict(found), "unmoved": comparison.unmoved[name]}
            for name, found in comparison.overall.items()
        },
        "pairs": [_pair(comparison, a, b) for a, b in comparison.pairs],
        "matrices": _matrices(comparison, first),
        "families": {
            "threshold": comparison.threshold,
            "threshold_percentile": LINK_PERCENTILE,
            "shared": comparison.shared,
            "shared_above": comparison.shared_above,
        },
        "saes": list(saes),
    }


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
