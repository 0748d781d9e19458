"""BatchTopK (Bussmann et al. 2024): k features a token on average over a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sae.config import SAEConfig
from sae.dictionaries.architectures import NORMALISED, architectures

if TYPE_CHECKING:
    from sae_lens.saes.sae import SAEMetadata

    from sae.dictionaries.batch_topk import QuickBatchTopKSAE


@architectures.register("batch_topk")
def batch_topk(d_in: int, config: SAEConfig, metadata: SAEMetadata) -> QuickBatchTopKSAE:
    """A fresh SAE of activations [n, d_in]."""
    from sae_lens import BatchTopKTrainingSAEConfig

    from sae.dictionaries.batch_topk import QuickBatchTopKSAE

    return QuickBatchTopKSAE(
        BatchTopKTrainingSAEConfig(
            d_in=d_in,
            d_sae=config.d_sae,
            k=config.k,
            aux_loss_coefficient=config.aux_coefficient,
            normalize_activations=NORMALISED,
            metadata=metadata,
        )
    )
