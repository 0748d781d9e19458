"""What the agents lose or gain when each silences its own member of one family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from sae.comparison.significance import MAX_Q
from sae.effects.scaling import Effects, with_interval
from sae.statistics.false_discovery import false_discovery
from world import Stream


def family_effects(
    families: Sequence[Mapping[int, int]],
    effects: Mapping[int, Effects],
    stream: Stream,
    resamples: int = 1000,
) -> pd.DataFrame:
    """One row per family: the mean over its members of what ablating one does to its agent.

    families: feature by agent. effects: by agent, of all features, on the same quizzes.

    Columns: family; accuracy_change (share of quizzes answered exactly), with _low and _high, the
    95 % percentile bootstrap over quizzes, the same for all members; p, two-sided, of a t-test
    over quizzes of the mean over members, and q over families (Benjamini & Hochberg 1995), both
    of accuracy; loss_change (nats per answer token), with _low and _high.
    """
    quizzes = next(iter(effects.values())).quizzes
    count, once = len(quizzes.index), np.ones(len(quizzes.index))
    exact = _mean_over_members(families, {n: e.exact_change for n, e in effects.items()}, count)
    loss = _mean_over_members(families, {n: e.loss_change for n, e in effects.items()}, count)
    # Of a t-test, since that of a bootstrap is at least 1 / resamples: too coarse for a thousand.
    p = _two_sided(*quizzes.per(once, exact), freedom=int(quizzes.source.max()))
    weights = quizzes.resamples(resamples, stream.generator())
    per_quiz, per_token = (
        with_interval(values, size, weights)
        for values, size in ((exact, once), (loss, quizzes.answer_tokens))
    )
    return pd.DataFrame(
        {
            "family": np.arange(len(families)),
            **{f"accuracy_{name}": values for name, values in per_quiz.items()},
            "p": p,
            "q": false_discovery(p),
            **{f"loss_{name}": values for name, values in per_token.items()},
        }
    )


def family_counts(table: pd.DataFrame) -> dict[str, Any]:
    """Of ``family_effects``: how many families there are, and how many lower and raise accuracy
    at q <= max_q."""
    significant = table[table.q <= MAX_Q]
    return {
        "families": len(table),
        "max_q": MAX_Q,
        "lowers_accuracy": int((significant.accuracy_change < 0).sum()),
        "raises_accuracy": int((significant.accuracy_change > 0).sum()),
    }


def _mean_over_members(
    families: Sequence[Mapping[int, int]],
    changes: Mapping[int, NDArray[np.float64] | NDArray[np.int8]],
    quizzes: int,
) -> NDArray[np.float64]:
    """float64 [families, H], of changes [F, H] by agent."""
    mean = np.zeros((len(families), quizzes))
    for total, family in zip(mean, families, strict=True):
        for agent, feature in family.items():
            total += changes[agent][feature] / len(family)
    return mean


def _two_sided(
    change: NDArray[np.float64], error: NDArray[np.float64], freedom: int
) -> NDArray[np.float64]:
    """p [n] of changes [n] with standard errors [n]; 1 where nothing changes."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(change == 0, 0.0, change / error)
    return np.asarray(2 * stats.t.sf(np.abs(t), df=freedom))
