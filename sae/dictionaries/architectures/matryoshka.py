"""Matryoshka BatchTopK (Bussmann et al. 2025): the first features must reconstruct alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sae.config import SAEConfig
from sae.dictionaries.architectures import NORMALISED, architectures

if TYPE_CHECKING:
    from sae_lens import MatryoshkaBatchTopKTrainingSAE
    from sae_lens.saes.sae import SAEMetadata


@architectures.register("matryoshka")
def matryoshka(
    d_in: int, config: SAEConfig, metadata: SAEMetadata
) -> MatryoshkaBatchTopKTrainingSAE:
    """A fresh SAE of activations [n, d_in]."""
    from sae_lens import MatryoshkaBatchTopKTrainingSAE, MatryoshkaBatchTopKTrainingSAEConfig

    return MatryoshkaBatchTopKTrainingSAE(
        MatryoshkaBatchTopKTrainingSAEConfig(
            d_in=d_in,
            d_sae=config.d_sae,
            k=config.k,
            aux_loss_coefficient=config.aux_coefficient,
            matryoshka_widths=_widths(config.d_sae),
            normalize_activations=NORMALISED,
            metadata=metadata,
        )
    )


def _widths(width: int) -> list[int]:
    """An eighth, a quarter, half and all of the features."""
    return sorted({max(1, width // share) for share in (8, 4, 2, 1)})
