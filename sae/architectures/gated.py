"""Gated (Rajamanoharan et al. 2024a): which features fire and how strongly, apart."""

from __future__ import annotations

from sae_lens import GatedTrainingSAE, GatedTrainingSAEConfig
from sae_lens.saes.sae import SAEMetadata

from sae.architectures import NORMALISED, architectures
from sae.config import SAEConfig


@architectures.register("gated")
def gated(d_in: int, config: SAEConfig, metadata: SAEMetadata) -> GatedTrainingSAE:
    """A fresh SAE of activations [n, d_in]."""
    return GatedTrainingSAE(
        GatedTrainingSAEConfig(
            d_in=d_in,
            d_sae=config.d_sae,
            l1_coefficient=config.sparsity,
            l1_warm_up_steps=config.warmup_steps,
            normalize_activations=NORMALISED,
            metadata=metadata,
        )
    )
