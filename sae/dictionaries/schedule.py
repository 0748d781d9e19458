"""When an SAE is shown what, and how fast it learns: the schedule of sae_lens's trainer."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from torch import Tensor


class Schedule(Protocol):
    """The options of a training."""

    @property
    def training_tokens(self) -> int: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def warmup_steps(self) -> int: ...
    @property
    def dead_after(self) -> int: ...


class Reconstruction(NamedTuple):
    """Activations as an SAE was shown them, and what it made of them, both float32 [batch, d]."""

    sae_in: Tensor
    sae_out: Tensor


def steps_of(schedule: Schedule) -> int:
    """Optimiser steps in all."""
    return schedule.training_tokens // schedule.batch_size


def warmup_of(schedule: Schedule) -> int:
    """Steps over which the rate rises: a fifth at most."""
    return min(schedule.warmup_steps, steps_of(schedule) // 5)


def decay_of(schedule: Schedule) -> int:
    """Steps over which the rate falls to zero: the last fifth."""
    return steps_of(schedule) // 5


def learning_rate(schedule: Schedule, step: int) -> float:
    """The rate of a step, from 0: it rises over the warm-up and falls in the last fifth."""
    warmup, decay = warmup_of(schedule), decay_of(schedule)
    if step < warmup:
        return schedule.learning_rate * (step + 1) / warmup
    left = steps_of(schedule) - step
    return schedule.learning_rate * (min(left / decay, 1.0) if decay else 1.0)
