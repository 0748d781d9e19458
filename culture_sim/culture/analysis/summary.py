"""The analysis in figures: by group, by round, with intervals and tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import bootstrap

from agents.evaluation import wilson_interval
from culture_sim.culture.analysis.dissent import dissent
from culture_sim.culture.analysis.table import GROUPS
from culture_sim.culture.records import array_of
from culture_sim.culture.store import CultureStore
from world.core.rules import ExplainedBy

MEASURES = ("novelty_world", "novelty_culture", "wrong_tokens", "log_prob")
"""Columns of which the mean is given; and of what the world counts."""
BREAKDOWNS = ("round", "split", "method", "proposer", "dissenter")
"""Columns by which the kept quizzes are told apart."""
SEVERAL = 2
"""Agents that give the same other answer: from so many on it is told."""
RESAMPLES = 1000


def summarize(
    quizzes: pd.DataFrame, counts: Sequence[str], store: CultureStore, n_agents: int
) -> dict[str, Any]:
    """Figures of the table of quizzes, and of who dissents on all that were kept.

    counts: names of the columns with what the world counts.
    """
    measures = (*MEASURES, *counts)
    groups = {name: quizzes[quizzes["group"] == name] for name in GROUPS}
    kept = groups["kept"]
    return {
        "groups": {name: figures(part, measures) for name, part in groups.items()},
        "kept_by": {
            column: {
                _name(value): figures(part, measures)
                for value, part in kept.groupby(column, dropna=True)
            }
            for column in BREAKDOWNS
        },
        "by_solvers": {
            name: {
                _name(solvers): {"quizzes": len(some), **rival_figures(some)}
                for solvers, some in part.groupby("solvers")
            }
            for name, part in groups.items()
        },
        "dissent": _dissent(store, n_agents),
    }


def _name(value: Any) -> str:
    """A group's key; numbers of a column that has gaps come as 1.0, 2.0."""
    return value if isinstance(value, str) else str(int(value))


def figures(part: pd.DataFrame, measures: Sequence[str]) -> dict[str, Any]:
    """Shares with Wilson's 95 % interval, means with a bootstrap one (over quizzes)."""
    return {
        "quizzes": len(part),
        "explained": {kind.value: share(part["explained"] == kind.value) for kind in ExplainedBy},
        **rival_figures(part),
        **{name: mean(part[name]) for name in measures},
    }


def rival_figures(part: pd.DataFrame) -> dict[str, Any]:
    """Shares of quizzes by what speaks for another answer."""
    return {
        "contested": share(part["contested"]),
        "same_rival": share(part["same_rival"] >= SEVERAL),
        "other_by_rule": share(part["other_by_rule"]),
    }


def share(hits: pd.Series) -> dict[str, float] | None:
    """``value``, ``low``, ``high``; None without quizzes."""
    if not len(hits):
        return None
    low, high = wilson_interval(int(hits.sum()), len(hits))
    return {"value": float(hits.mean()), "low": low, "high": high}


def mean(values: pd.Series) -> dict[str, float] | None:
    """``value``, ``low``, ``high``; None without quizzes."""
    numbers = values.dropna().to_numpy(dtype=np.float64)
    if not len(numbers):
        return None
    if len(numbers) < 2 or np.ptp(numbers) == 0:
        return {"value": float(numbers.mean()), "low": numbers.min(), "high": numbers.max()}
    rng = np.random.default_rng(0)
    found = bootstrap((numbers,), np.mean, n_resamples=RESAMPLES, method="percentile", rng=rng)
    low, high = found.confidence_interval
    return {"value": float(numbers.mean()), "low": float(low), "high": float(high)}


def _dissent(store: CultureStore, n_agents: int) -> dict[str, Any]:
    tables = [store.table(number) for number in store.rounds()]
    kept = [table.filter(table["keep"]) for table in tables]
    proposer = np.concatenate([array_of(table, "proposer") for table in kept])
    dissenter = np.concatenate([array_of(table, "dissenter") for table in kept])
    return dissent(proposer, dissenter, n_agents)
