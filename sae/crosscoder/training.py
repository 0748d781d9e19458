"""Training a crosscoder with sae_lens's trainer, driven step by step as that of an SAE is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from sae_lens import BatchTopKTrainingSAEConfig
from sae_lens.config import SAETrainerConfig
from sae_lens.saes.sae import SAEMetadata
from sae_lens.training.sae_trainer import SAETrainer
from torch import Tensor

from sae.crosscoder.config import CrosscoderConfig
from sae.crosscoder.model import CrosscoderSAE
from sae.training import REPORT_EVERY, SCALE_BATCHES, Progress


def train_crosscoder(
    batches: Iterator[Tensor],
    agents: Sequence[int],
    config: CrosscoderConfig,
    seed: int,
    site: str = "",
    progress: Progress | None = None,
) -> CrosscoderSAE:
    """A crosscoder trained on activations float32 [batch, A, d] of the same tokens.

    agents: the A agents' numbers, for the metadata, as is ``site``. seed: of the initial weights.
    Every agent's activations are scaled to a mean norm of sqrt(d), else the loss would favour the
    loudest; the scales are in the metadata.
    """
    steps = config.training_tokens // config.batch_size
    first = [next(batches) for _ in range(min(SCALE_BATCHES, steps))]
    scales = _scales(torch.cat(first))
    sae = _initial(torch.cat(first) * scales[:, None], scales, agents, config, seed, site)
    trainer = _trainer(sae, batches, config)
    for step in range(steps):
        batch = first[step] if step < len(first) else next(batches)
        output = trainer.step((batch * scales[:, None]).flatten(1))
        trainer.n_training_steps += 1
        if progress and (step % REPORT_EVERY == 0 or step == steps - 1):
            explained = _explained(output.sae_in, output.sae_out)
            progress((step + 1) * config.batch_size, config.training_tokens, explained)
    return sae


def _scales(activations: Tensor) -> Tensor:
    """Float32 [A]: what gives activations [n, A, d] of every agent a mean norm of sqrt(d)."""
    norms = activations.norm(dim=-1).mean(dim=0)
    if not bool((norms > 0).all() and norms.isfinite().all()):
        raise ValueError(f"activations must have finite norms above 0, got means of {norms}")
    return activations.shape[-1] ** 0.5 / norms


def _initial(
    scaled: Tensor,
    scales: Tensor,
    agents: Sequence[int],
    config: CrosscoderConfig,
    seed: int,
    site: str,
) -> CrosscoderSAE:
    metadata = SAEMetadata(hook_name=site, agents=list(agents), scales=scales.tolist())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        sae = CrosscoderSAE(
            BatchTopKTrainingSAEConfig(
                d_in=scaled[0].numel(),
                d_sae=config.d_sae,
                k=config.k,
                aux_loss_coefficient=config.aux_coefficient,
                metadata=metadata,
            ),
            len(agents),
        )
    sae.to(scaled.device)
    # Starting from the mean spares features from learning a constant, and dying of it.
    sae.b_dec.data = scaled.mean(dim=0).flatten()
    return sae


def _trainer(
    sae: CrosscoderSAE, batches: Iterator[Tensor], config: CrosscoderConfig
) -> SAETrainer[Any, Any]:
    steps = config.training_tokens // config.batch_size
    return SAETrainer(
        cfg=SAETrainerConfig(
            total_training_samples=steps * config.batch_size,
            train_batch_size_samples=config.batch_size,
            lr=config.learning_rate,
            lr_end=config.learning_rate,
            lr_warm_up_steps=min(config.warmup_steps, steps // 5),
            lr_decay_steps=steps // 5,
            dead_feature_window=config.dead_after,
            device=str(sae.W_dec.device),
        ),
        sae=sae,
        data_provider=batches,
    )


def _explained(x: Tensor, reconstruction: Tensor) -> float:
    residual = (x - reconstruction).detach().pow(2).sum()
    return float(1 - residual / (x - x.mean(dim=0)).pow(2).sum())
