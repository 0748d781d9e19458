"""TopK (Gao et al. 2024): exactly k features a token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sae.config import SAEConfig
from sae.dictionaries.architectures import NORMALISED, architectures

if TYPE_CHECKING:
    from sae_lens import TopKTrainingSAE
    from sae_lens.saes.sae import SAEMetadata


@architectures.register("topk")
def topk(d_in: int, config: SAEConfig, metadata: SAEMetadata) -> TopKTrainingSAE:
    """A fresh SAE of activations [n, d_in]."""
    from sae_lens import TopKTrainingSAE, TopKTrainingSAEConfig

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
