"""TopK (Gao et al. 2024): exactly k features a token."""

from __future__ import annotations

from sae_lens import TopKTrainingSAE, TopKTrainingSAEConfig
from sae_lens.saes.sae import SAEMetadata

from sae.architectures import NORMALISED, architectures
from sae.config import SAEConfig


@architectures.register("topk")
def topk(d_in: int, config: SAEConfig, metadata: SAEMetadata) -> TopKTrainingSAE:
    """A fresh SAE of activations [n, d_in]."""
    return TopKTrainingSAE(
        TopKTrainingSAEConfig(
            d_in=d_in,
            d_sae=config.d_sae,
            k=max(1, round(config.k)),
            aux_loss_coefficient=config.aux_coefficient,
            normalize_activations=NORMALISED,
            metadata=metadata,
        )
    )
