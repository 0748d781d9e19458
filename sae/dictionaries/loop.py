"""A trainer driven step by step: sae_lens's, or its like for sparse codes.

sae_lens's own loop spends a thousand batches on the normalisation alone and reports nothing without
wandb.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, Protocol

from sae_lens import TrainingSAE
from sae_lens.config import SAETrainerConfig
from sae_lens.training.sae_trainer import SAETrainer
from torch import Tensor

from sae.dictionaries.schedule import Schedule, decay_of, steps_of, warmup_of
from world.core.errors import UserError

Progress = Callable[[int, int, float], None]
"""(activations seen, activations in all, explained variance of the last batch)."""
FIRST_BATCHES = 32
"""Batches that estimate the mean and the scale of activations, before they are trained on."""
REPORT_EVERY = 25
"""Steps between two calls of the progress function, and two looks at whether it still learns."""
HOPELESS = 1e4
"""A reconstruction whose error is so many times the activations is of a rate that is too high."""


class Output(Protocol):
    """What a step gives: activations as they were shown, and their reconstruction, [batch, d]."""

    @property
    def sae_in(self) -> Tensor: ...
    @property
    def sae_out(self) -> Tensor: ...


class Trainer(Protocol):
    """Takes one step after the other; sae_lens leaves the counting to the loop."""

    n_training_steps: int

    def step(self, batch: Tensor) -> Output: ...


def first_batches(schedule: Schedule) -> int:
    """How many batches scales are estimated from."""
    return min(FIRST_BATCHES, steps_of(schedule))


def make_trainer(
    sae: TrainingSAE[Any],
    batches: Iterator[Tensor],
    schedule: Schedule,
    scale: float | None = None,
) -> SAETrainer[Any, Any]:
    """sae_lens's trainer. The rate rises over the warm-up, and falls to zero in the last fifth.

    scale: what activations are multiplied by.
    """
    trainer = SAETrainer(
        cfg=SAETrainerConfig(
            total_training_samples=steps_of(schedule) * schedule.batch_size,
            train_batch_size_samples=schedule.batch_size,
            lr=schedule.learning_rate,
            lr_end=schedule.learning_rate,
            lr_warm_up_steps=warmup_of(schedule),
            lr_decay_steps=decay_of(schedule),
            dead_feature_window=schedule.dead_after,
            device=str(sae.W_dec.device),
        ),
        sae=sae,
        data_provider=batches,
    )
    trainer.activation_scaler.scaling_factor = scale
    return trainer


def training_steps(
    trainer: Trainer,
    first: Sequence[Tensor],
    batches: Iterator[Tensor],
    schedule: Schedule,
    progress: Progress | None,
    transform: Callable[[Tensor], Tensor] = lambda batch: batch,
    *,
    who: str,
    rate: str,
) -> Iterator[None]:
    """All steps of a training, on the first batches and then on those that follow; each is taken
    when it is asked for.

    transform: what the SAE is shown of a batch. who: what is trained, and rate: the flag of its
    learning rate, both for the UserError that is raised soon after it has diverged.
    """
    steps = steps_of(schedule)
    for step, batch in zip(range(steps), chain(first, batches), strict=False):
        output = trainer.step(transform(batch))
        trainer.n_training_steps += 1
        if step % REPORT_EVERY == 0 or step == steps - 1:
            shown = (step + 1) * schedule.batch_size
            if not _error(output.sae_in, output.sae_out) < HOPELESS:
                raise diverged(who, f"after {shown:,} activations", rate, schedule.learning_rate)
            if progress:
                explained = _explained(output.sae_in, output.sae_out)
                progress(shown, schedule.training_tokens, explained)
        yield


def diverged(who: str, when: str, rate: str, now: float) -> UserError:
    """What to say of a dictionary whose reconstructions, or weights, are of no use."""
    return UserError(
        f"{who} diverged {when}: its reconstructions have nothing to do with what it was shown; "
        f"lower {rate} (now {now:g})"
    )


def mean_norms(activations: Tensor, who: str) -> Tensor:
    """The mean norms float32 [...] of activations [n, ..., d].

    Raises UserError where one is not finite or 0, as when the agent is damaged.
    """
    norms = activations.norm(dim=-1).mean(dim=0)
    if not bool((norms > 0).all() and norms.isfinite().all()):
        raise UserError(
            f"{who} cannot be trained: activations have a mean norm of {norms.min():g}, which must "
            f"be finite and above 0; the agent is damaged, or this site of it says nothing"
        )
    return norms


def _error(x: Tensor, reconstruction: Tensor) -> float:
    """The squared error as a share of the squared activations; NaN where it is none."""
    return float((x - reconstruction).detach().pow(2).sum() / x.pow(2).sum())


def _explained(x: Tensor, reconstruction: Tensor) -> float:
    residual = (x - reconstruction).detach().pow(2).sum()
    return float(1 - residual / (x - x.mean(dim=0)).pow(2).sum())
