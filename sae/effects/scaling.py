"""What an agent's answers lose or gain when one feature is ablated or amplified."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sae.effects.quizzes import SplitQuizzes, split_quizzes, task_name
from sae.effects.spliced_agent import SplicedAgent
from world import QuizBatch, Stream, World

Tick = Callable[[int, int], None]
"""(steps done, steps in all)."""
FLOOR = 1e-4
"""Nats per answer token that ablating a feature must cost for it to count as consequential."""
ERRORS = 2.0
"""Standard errors by which that cost must exceed 0."""


@dataclass(frozen=True)
class Effects:
    """What multiplying each of F features by ``factor`` does to each of H quizzes of one split.

    feature: int64 [F], which features of the SAE. factor: 0 for ablation. quizzes: the H.
    loss_change: float64 [F, H], nats of the whole answer, above 0 where the feature helped.
    exact_change: int8 [F, H], -1 where the quiz was answered exactly and no longer is, 1 where it
    came to be, else 0. fires: bool [F, H], the feature is active on a token of the quiz; where it
    is not, both changes are 0 without being computed.
    """

    feature: NDArray[np.int64]
    factor: float
    quizzes: SplitQuizzes
    loss_change: NDArray[np.float64]
    exact_change: NDArray[np.int8]
    fires: NDArray[np.bool_]

    def fingerprints(self, groups: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
        """float64 [F, G]: change of loss per answer token in each group (task, layout)."""
        member = self.quizzes.in_groups(groups)
        return (self.loss_change @ member) / (self.quizzes.answer_tokens @ member)

    def consequential(self, floor: float = FLOOR) -> NDArray[np.bool_]:
        """bool [F]: the loss rises by more than ``floor`` nats per answer token, beyond chance."""
        cost, error = self.quizzes.per_token(self.loss_change)
        return (cost > floor) & (cost > ERRORS * error)


def scale_features(
    agent: SplicedAgent,
    world: World,
    batch: QuizBatch,
    factor: float = 0.0,
    features: Sequence[int] | None = None,
    evaluation: bool = True,
    tick: Tick | None = None,
) -> Effects:
    """Multiply one feature at a time by ``factor`` (0 ablates, 2 amplifies) and grade the agent.

    features: which, all by default. evaluation: on the evaluation split; the selection split
    tells which features are consequential. tick: called with (features done, features in all).
    """
    chosen = range(len(agent.decoder)) if features is None else features
    quizzes = split_quizzes(world, batch, agent.rows, evaluation)
    shape = len(chosen), len(quizzes.index)
    loss, exact = np.zeros(shape), np.zeros(shape, dtype=np.int8)
    fires = np.zeros(shape, dtype=np.bool_)
    clean = agent.network.grades
    for i, feature in enumerate(chosen):
        change = agent.scaling(feature, factor, evaluation)
        grades = agent.under([change])
        loss[i] = (grades.loss - clean.loss)[quizzes.index]
        exact[i] = (grades.exact.astype(np.int8) - clean.exact)[quizzes.index]
        fires[i] = np.isin(quizzes.index, agent.rows.quiz[change.rows])
        if tick:
            tick(i + 1, len(chosen))
    return Effects(np.array(chosen, dtype=np.int64), factor, quizzes, loss, exact, fires)


def effect_table(
    effects: Mapping[int, Sequence[Effects]], world: World, stream: Stream, resamples: int = 300
) -> pd.DataFrame:
    """One row per agent, factor, feature and task ("all" first, "unknown": made by an agent).

    Columns: agent, feature, factor, task; quizzes and fires (how many there are, and in how many
    the feature is active); loss_change (nats per answer token, over all these quizzes) and
    accuracy_change (share of quizzes answered exactly), each with _low and _high, the 95 %
    percentile bootstrap over quizzes; lost and gained (quizzes no longer, and newly, exact).
    """
    tables = []
    for agent, of_agent in effects.items():
        for one in of_agent:
            weights = one.quizzes.resamples(resamples, stream.generator())
            tables += [
                _task_rows(one, among, weights).assign(agent=agent, task=task)
                for task, among in one.quizzes.of_tasks(world).items()
            ]
    whole = pd.concat(tables, ignore_index=True)
    keys = ["agent", "feature", "factor", "task"]
    return whole[[*keys, *whole.columns.difference(keys, sort=False)]]


def _task_rows(
    one: Effects, among: NDArray[np.bool_], weights: NDArray[np.float64]
) -> pd.DataFrame:
    """One row per feature, over some of the quizzes [H]; weights: [R, H] of the resamples."""
    exact = one.exact_change[:, among]
    per_token = with_interval(
        one.loss_change[:, among], one.quizzes.answer_tokens[among], weights[:, among]
    )
    per_quiz = with_interval(exact, np.ones(among.sum()), weights[:, among])
    return pd.DataFrame(
        {
            "feature": one.feature,
            "factor": one.factor,
            "quizzes": among.sum(),
            "fires": one.fires[:, among].sum(axis=1),
            **{f"loss_{name}": values for name, values in per_token.items()},
            **{f"accuracy_{name}": values for name, values in per_quiz.items()},
            "lost": (exact < 0).sum(axis=1),
            "gained": (exact > 0).sum(axis=1),
        }
    )


def with_interval(
    values: NDArray[Any], size: NDArray[Any], weights: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Sums of values [F, H] over sums of size [H], and their 95 % interval under weights [R, H]."""
    drawn = weights @ size
    # A resample may hold none of the few quizzes of a task.
    kept = drawn > 0
    ratios = (weights[kept] @ values.T) / drawn[kept, None]
    low, high = np.percentile(ratios, [2.5, 97.5], axis=0)
    return {"change": values.sum(axis=1) / size.sum(), "low": low, "high": high}


def fingerprint_table(effects: Mapping[int, Sequence[Effects]], world: World) -> pd.DataFrame:
    """One row per agent, factor, feature, task and layout: the fingerprints, nats per token."""
    tables = []
    for agent, of_agent in effects.items():
        for one in of_agent:
            groups, size = one.quizzes.groups(), len(one.feature)
            columns = {
                "agent": agent,
                "feature": np.repeat(one.feature, len(groups)),
                "factor": one.factor,
                "task": [task_name(world, task) for task, _ in groups] * size,
                "layout": [world.layouts[s].name for _, s in groups] * size,
                "loss_change": one.fingerprints(groups).ravel(),
            }
            tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)
