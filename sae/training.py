"""Training one SAE with sae_lens, and its folder on disk in sae_lens's own format.

sae_lens's trainer is driven step by step, because its own loop spends a thousand batches on
the normalisation alone and reports nothing without wandb.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import safetensors
import torch
from sae_lens import SAE, TrainingSAE
from sae_lens.config import SAETrainerConfig
from sae_lens.saes.sae import SAEMetadata
from sae_lens.training.sae_trainer import SAETrainer
from torch import Tensor

from sae.architectures import architectures
from sae.config import SAEConfig
from world.errors import UserError

Progress = Callable[[int, int, float], None]
"""(activations seen, activations in all, explained variance of the last batch)."""

RECORD = "training.json"
"""What an SAE was trained from and how it was graded, beside sae_lens's own files."""
SCALE_BATCHES = 32
"""Batches that estimate the mean and the scale of activations."""
REPORT_EVERY = 25
"""Steps between two calls of the progress function."""


def train_sae(
    batches: Iterator[Tensor],
    config: SAEConfig,
    seed: int,
    model_name: str,
    progress: Progress | None = None,
    prepare: Callable[[TrainingSAE[Any]], None] = lambda sae: None,
) -> TrainingSAE[Any]:
    """An SAE trained on activations float32 [batch, d], the normalisation folded in.

    prepare: called with the SAE before its first step.

    Initial weights are drawn from ``seed`` alone: SAEs of different agents that start from
    equal weights end up with aligned features, whatever the agents share.
    """
    first = [next(batches) for _ in range(min(SCALE_BATCHES, _steps(config)))]
    sae = _fresh_sae(torch.cat(first), config, seed, model_name)
    prepare(sae)
    trainer = _trainer(sae, batches, config)
    trainer.activation_scaler.scaling_factor = _scale(torch.cat(first))
    for step in range(_steps(config)):
        batch = first[step] if step < len(first) else next(batches)
        output = trainer.step(batch)
        trainer.n_training_steps += 1
        if progress and (step % REPORT_EVERY == 0 or step == _steps(config) - 1):
            explained = _explained(output.sae_in, output.sae_out)
            progress((step + 1) * config.batch_size, config.training_tokens, explained)
    sae.fold_activation_norm_scaling_factor(trainer.activation_scaler.scaling_factor)
    return sae


def _steps(config: SAEConfig) -> int:
    return config.training_tokens // config.batch_size


def _scale(activations: Tensor) -> float:
    """The factor that gives activations [n, d] a mean norm of sqrt(d)."""
    norm = float(activations.norm(dim=1).mean())
    if not norm > 0 or norm == float("inf"):
        raise ValueError(f"activations must have a finite norm above 0, got a mean of {norm}")
    return activations.shape[1] ** 0.5 / norm


def _fresh_sae(first: Tensor, config: SAEConfig, seed: int, model_name: str) -> TrainingSAE[Any]:
    build = architectures[config.architecture]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        metadata = SAEMetadata(model_name=model_name, hook_name=config.site)
        sae = build(first.shape[1], config, metadata)
    sae.to(first.device)
    # Starting from the mean spares features from learning a constant, and dying of it.
    sae.b_dec.data = first.mean(dim=0) * _scale(first)
    return sae


def _trainer(
    sae: TrainingSAE[Any], batches: Iterator[Tensor], config: SAEConfig
) -> SAETrainer[Any, Any]:
    return SAETrainer(
        cfg=SAETrainerConfig(
            total_training_samples=_steps(config) * config.batch_size,
            train_batch_size_samples=config.batch_size,
            lr=config.learning_rate,
            lr_end=config.learning_rate,
            lr_warm_up_steps=min(config.warmup_steps, _steps(config) // 5),
            lr_decay_steps=_steps(config) // 5,
            dead_feature_window=config.dead_after,
            device=str(sae.W_dec.device),
        ),
        sae=sae,
        data_provider=batches,
    )


def _explained(x: Tensor, reconstruction: Tensor) -> float:
    residual = (x - reconstruction).detach().pow(2).sum()
    return float(1 - residual / (x - x.mean(dim=0)).pow(2).sum())


def save_sae(
    sae: TrainingSAE[Any], path: Path, record: Callable[[SAE[Any]], dict[str, Any]]
) -> dict[str, Any]:
    """Write an SAE for inference and its record, aside and then renamed; returns the record.

    record: what to note of the SAE as it will be loaded; whatever is at ``path`` is complete.
    """
    aside = path.with_name(f".{path.name}.tmp")
    shutil.rmtree(aside, ignore_errors=True)
    sae.save_inference_model(aside)
    noted = record(load_sae(aside, str(sae.W_dec.device)))
    (aside / RECORD).write_text(json.dumps(noted, indent=1) + "\n")
    shutil.rmtree(path, ignore_errors=True)
    os.rename(aside, path)
    return noted


def load_sae(path: Path, device: str = "cpu") -> SAE[Any]:
    """The SAE saved at ``path``, ready for inference. Raises UserError when it is damaged."""
    try:
        sae = SAE.load_from_disk(path, device=device)
    except (OSError, KeyError, ValueError, RuntimeError, safetensors.SafetensorError) as error:
        raise UserError(
            f"{path} holds no readable SAE ({error}); remove it to train that SAE again"
        ) from None
    return sae.eval().requires_grad_(False)


def read_record(path: Path) -> dict[str, Any] | None:
    """What an SAE's folder says of itself, None when it is missing or incomplete."""
    try:
        return dict(json.loads((path / RECORD).read_text()))
    except (OSError, ValueError):
        return None
