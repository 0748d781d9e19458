"""How good an agent is: the share of unseen quizzes answered exactly, with its interval."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from accelerate import Accelerator
from numpy.typing import NDArray

from agents.model import AgentModel
from agents.replicas import ReplicaGroup
from agents.scoring import graded_mask, score
from world import QuizBatch, World, concatenate


@dataclass(frozen=True)
class Evaluation:
    """Exact answers on unseen quizzes.

    accuracy: share answered exactly, 0 to 1. correct, total: the counts behind it.
    low, high: Wilson 95 % interval of the accuracy (E. B. Wilson, 1927).
    accuracy_by: accuracy in each of the world's groups, by what they group by ("task", "layout")
        and name; quizzes of no group, such as those of unknown task, are left out.
    loss: mean negative log-probability of a token of the answer, in nats: it tells agents apart
    that answer nothing exactly.
    """

    accuracy: float
    correct: int
    total: int
    low: float
    high: float
    accuracy_by: dict[str, dict[str, float]]
    loss: float

    def as_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON."""
        return asdict(self)


def evaluate(
    model: AgentModel,
    world: World,
    batch: QuizBatch,
    accelerator: Accelerator,
    replicas: ReplicaGroup | None = None,
) -> Evaluation:
    """Exact-match accuracy of ``model`` on ``batch``, each row in its own layout; see ``exact``.

    replicas: processes that hold the same model, call this together, and score a share each.
    """
    with accelerator.autocast():
        correct, log_prob = exact(model, world, batch, replicas)
    graded = graded_mask(world, batch).sum(axis=1)
    hits, total = int(correct.sum()), len(correct)
    low, high = wilson_interval(hits, total)
    groups = world.group_of(batch)
    return Evaluation(
        accuracy=hits / total,
        correct=hits,
        total=total,
        low=low,
        high=high,
        accuracy_by={
            kind: _means(correct, groups[kind], names) for kind, names in world.groups.items()
        },
        loss=float(-(log_prob / graded).mean()),
    )


def exact(
    model: AgentModel, world: World, batch: QuizBatch, replicas: ReplicaGroup | None = None
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Rows answered exactly, bool [B]; float64 [B], log-probability of each row's own answer.

    Where the world has several right answers to a row, any of them is exact. replicas: as for
    ``evaluate``.
    """
    replicas = replicas or ReplicaGroup()
    others, rows = world.other_answers(batch)
    asked = concatenate([batch, others])
    right, log_prob = np.zeros(len(asked), dtype=np.bool_), np.zeros(len(asked))
    own = score(model, world, asked[np.arange(len(asked))[replicas.share]])
    for rank, part in enumerate(replicas.gather((own.correct, own.log_prob))):
        right[rank :: replicas.size], log_prob[rank :: replicas.size] = part
    size = len(batch)
    right[rows[right[size:]]] = True
    return right[:size], log_prob[:size]


def wilson_interval(hits: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share (E. B. Wilson, 1927)."""
    # As in scipy.stats, which takes a second to import in every process that trains.
    share, z = hits / total, NormalDist().inv_cdf(0.975)
    middle = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    reach = z * sqrt(share * (1 - share) / total + (z / (2 * total)) ** 2) / (1 + z**2 / total)
    return (middle - reach if hits else 0.0), (middle + reach if hits < total else 1.0)


def _means(
    correct: NDArray[np.bool_], group: NDArray[np.integer], names: Iterable[str]
) -> dict[str, float]:
    return {
        name: float(correct[group == index].mean())
        for index, name in enumerate(names)
        if (group == index).any()
    }
