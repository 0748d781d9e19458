"""ReLU with an L1 loss (Bricken et al. 2023; Cunningham et al. 2023)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sae.config import SAEConfig
from sae.dictionaries.architectures import NORMALISED, architectures

if TYPE_CHECKING:
    from sae_lens import StandardTrainingSAE
    from sae_lens.saes.sae import SAEMetadata


@architectures.register("standard")
def standard(d_in: int, config: SAEConfig, metadata: SAEMetadata) -> StandardTrainingSAE:
    """A fresh SAE of activations [n, d_in]."""
    from sae_lens import StandardTrainingSAE, StandardTrainingSAEConfig

    return StandardTrainingSAE(
        StandardTrainingSAEConfig(
            d_in=d_in,
            d_sae=config.d_sae,
            l1_coefficient=config.sparsity,
            l1_warm_up_steps=config.warmup_steps,
            normalize_activations=NORMALISED,
            metadata=metadata,
        )
    )
