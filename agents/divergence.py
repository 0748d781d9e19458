"""Training that has gone wrong for good: known by its losses and weights, and what to lower."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from torch import Tensor

from agents.config import TrainConfig
from world.core.errors import UserError

FAR_ABOVE = 10.0
"""A piece's mean loss of so many times that of guessing is no learning: right after a rate that is
too high agents are at 2 to 8 times, and come back."""


class DivergenceError(UserError):
    """Training has gone wrong for good: after ``quizzes``, as ``why`` says."""

    def __init__(self, quizzes: int, why: str) -> None:
        super().__init__(f"after {quizzes:,} quizzes {why}")
        self.quizzes, self.why = quizzes, why


def refuse_losses(losses: Sequence[float], quizzes: int, batch_size: int, guessing: float) -> None:
    """Raise DivergenceError for losses of a piece's steps, in nats, that are no learning any more.

    quizzes: learned from when the last step is done. guessing: the loss of equal probabilities.
    """
    for steps_ago, loss in zip(range(len(losses), 0, -1), losses, strict=True):
        if not math.isfinite(loss):
            since = quizzes - steps_ago * batch_size
            raise DivergenceError(since, "its loss is no finite number any more")
    mean = sum(losses) / len(losses)
    if mean > FAR_ABOVE * guessing:
        since = quizzes - len(losses) * batch_size
        why = f"its loss rose to {mean:.3g} nats a token, where guessing has {guessing:.1f}"
        raise DivergenceError(since, why)


def refuse_weights(tensors: Iterable[Tensor], quizzes: int) -> None:
    """Raise DivergenceError unless weights and the optimiser's state are finite: what is finite in
    the last loss may not be after the last step."""
    if not all(bool(tensor.isfinite().all()) for tensor in tensors):
        raise DivergenceError(quizzes, "its weights are no finite numbers any more")


def raised_options(config: TrainConfig) -> list[str]:
    """Of the options that training diverges by when they are too high, those above their defaults,
    or else the learning rates; as flags, each with its value."""
    rates = ["learning_rate", *["adam_learning_rate"] * (config.optimizer == "muon")]
    usual = TrainConfig()
    high = [n for n in (*rates, "part_weighting") if getattr(config, n) > getattr(usual, n)]
    return [
        f"--train.{name.replace('_', '-')} (now {getattr(config, name):g})"
        for name in high or rates
    ]
