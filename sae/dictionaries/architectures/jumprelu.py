"""JumpReLU (Rajamanoharan et al. 2024b), its L0 drawn to k by a quadratic loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sae.config import SAEConfig
from sae.dictionaries.architectures import NORMALISED, architectures

if TYPE_CHECKING:
    from sae_lens import JumpReLUTrainingSAE
    from sae_lens.saes.sae import SAEMetadata


@architectures.register("jumprelu")
def jumprelu(d_in: int, config: SAEConfig, metadata: SAEMetadata) -> JumpReLUTrainingSAE:
    """A fresh SAE of activations [n, d_in]."""
    from sae_lens import JumpReLUTrainingSAE, JumpReLUTrainingSAEConfig

    return JumpReLUTrainingSAE(
        JumpReLUTrainingSAEConfig(
            d_in=d_in,
            d_sae=config.d_sae,
            jumprelu_sparsity_loss_mode="quadratic",
            target_l0=config.k,
            l0_coefficient=config.sparsity,
            l0_warm_up_steps=config.warmup_steps,
            normalize_activations=NORMALISED,
            metadata=metadata,
        )
    )
