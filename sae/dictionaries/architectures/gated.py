"""Gated (Rajamanoharan et al. 2024a): which features fire and how strongly, apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sae.config import SAEConfig
from sae.dictionaries.architectures import NORMALISED, architectures

if TYPE_CHECKING:
    from sae_lens import GatedTrainingSAE
    from sae_lens.saes.sae import SAEMetadata


@architectures.register("gated")
def gated(d_in: int, config: SAEConfig, metadata: SAEMetadata) -> GatedTrainingSAE:
    """A fresh SAE of activations [n, d_in]."""
    from sae_lens import GatedTrainingSAE, GatedTrainingSAEConfig

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
