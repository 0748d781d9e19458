"""Training a crosscoder with sae_lens's trainer, driven step by step as that of an SAE is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import torch
from sae_lens import BatchTopKTrainingSAEConfig
from sae_lens.saes.sae import SAEMetadata
from torch import Tensor

from sae.crosscoder.config import CrosscoderConfig
from sae.crosscoder.model import CrosscoderSAE
from sae.dictionaries.loop import (
    Progress,
    diverged,
    first_batches,
    make_trainer,
    mean_norms,
    training_steps,
)

CROSSCODER = "the crosscoder"


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
    loudest; the scales are in the metadata. Raises UserError when it diverges, and for activations
    that none can be trained on.
    """
    first = list(islice(batches, first_batches(config)))
    scales = _scales(torch.cat(first))
    sae = _initial(torch.cat(first) * scales[:, None], scales, agents, config, seed, site)
    trainer = make_trainer(sae, batches, config)

    def scaled(batch: Tensor) -> Tensor:
        return (batch * scales[:, None]).flatten(1)

    rate = "--crosscoder.learning-rate"
    for _ in training_steps(
        trainer, first, batches, config, progress, scaled, who=CROSSCODER, rate=rate
    ):
        pass
    if not all(bool(weight.isfinite().all()) for weight in sae.parameters()):
        raise diverged(CROSSCODER, "in its last step", rate, config.learning_rate)
    return sae


def _scales(activations: Tensor) -> Tensor:
    """Float32 [A]: what gives activations [n, A, d] of every agent a mean norm of sqrt(d)."""
    return activations.shape[-1] ** 0.5 / mean_norms(activations, CROSSCODER)


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
