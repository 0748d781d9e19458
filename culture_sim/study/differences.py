"""How arms of a study differ, all at once: among many differences some exclude 0 by chance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from culture_sim.study.arms import CONTROL, FEWER, FULL
from culture_sim.study.results import MEASURES, interval
from sae.statistics.false_discovery import false_discovery

LEVEL = 0.05
"""Below which a p or q is called beyond chance."""


def differences(results: pd.DataFrame, rounds: int) -> list[dict[str, Any]]:
    """After the last round: every arm less ``none``, every arm with culture less ``fewer``, and
    full culture less every other arm with culture.

    results: as ``measure`` gives them. Each difference has ``measure``, ``arm``, ``less`` (the
    other arm), ``seeds`` (in which both were measured), ``value``, ``low`` and ``high`` as
    ``interval``, ``p`` (two-sided, Student's t over seeds) and ``q`` (Benjamini & Hochberg 1995,
    over all that have a p); p and q are None with a single seed, or where all seeds differ equally.
    """
    last = results[results["round"] == rounds]
    means = last.groupby(["measure", "arm", "seed"])["value"].mean().unstack("seed")
    found = []
    for measure in MEASURES:
        arms = [arm for arm in results["arm"].unique() if (measure, arm) in means.index]
        for arm, other in _pairs(arms):
            values = (means.loc[(measure, arm)] - means.loc[(measure, other)]).dropna()
            if len(values):
                found.append({"measure": measure, "arm": arm, "less": other, **_tested(values)})
    q = false_discovery(np.array([np.nan if row["p"] is None else row["p"] for row in found]))
    for row, value in zip(found, q, strict=True):
        row["q"] = None if np.isnan(value) else float(value)
    return found


def _pairs(arms: list[str]) -> Iterator[tuple[str, str]]:
    """Arms and what each is held against, those that were measured."""
    taught = [arm for arm in arms if arm not in {CONTROL, FEWER}]
    if CONTROL in arms:
        yield from ((arm, CONTROL) for arm in arms if arm != CONTROL)
    if FEWER in arms:
        yield from ((arm, FEWER) for arm in taught)
    if FULL in arms:
        yield from ((FULL, arm) for arm in taught if arm != FULL)


def _tested(values: pd.Series) -> dict[str, Any]:
    varies = len(values) > 1 and not np.allclose(values, values.iloc[0], rtol=1e-9, atol=0.0)
    p = float(stats.ttest_1samp(values, 0.0).pvalue) if varies else None
    return {"seeds": len(values), **interval(values), "p": p}


def in_words(found: Iterable[dict[str, Any]]) -> str:
    """How many exclude 0, how many would by chance, and how many are left when all are counted."""
    tested = [row for row in found if row["p"] is not None]
    if not tested:
        return "No difference between arms can be tested: that takes several seeds that differ."
    alone, together = (sum(row[key] < LEVEL for row in tested) for key in ("p", "q"))
    chance = LEVEL * len(tested)
    return (
        f"Of {len(tested)} differences between arms {alone} exclude 0 (p below {LEVEL}), where "
        f"{chance:.{int(chance < 10)}f} would by chance; {together} still do when all are taken "
        f"together (q below {LEVEL}, Benjamini and Hochberg)."
    )
