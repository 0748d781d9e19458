"""The architectures of sae_lens: one table, for they differ in a class and a few options.

- batch_topk (Bussmann et al. 2024): k features a token on average over a batch;
- topk (Gao et al. 2024): exactly k features a token;
- matryoshka (Bussmann et al. 2025): BatchTopK whose first features must reconstruct alone;
- standard (Bricken et al. 2023; Cunningham et al. 2023): ReLU with an L1 loss;
- gated (Rajamanoharan et al. 2024a): which features fire and how strongly, apart;
- jumprelu (Rajamanoharan et al. 2024b): its L0 drawn to k by a quadratic loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sae.config import DictionaryConfig
from sae.dictionaries.architectures import NORMALISED, architectures

if TYPE_CHECKING:
    from sae_lens import TrainingSAE
    from sae_lens.saes.sae import SAEMetadata

Options = Callable[[DictionaryConfig], dict[str, Any]]
"""From ours to those that an architecture has beside its widths."""


@dataclass(frozen=True)
class SAELensArchitecture:
    """A training SAE of sae_lens. kind: the name of its class without "TrainingSAE"."""

    kind: str
    options: Options

    def __call__(
        self, d_in: int, dictionary: DictionaryConfig, metadata: SAEMetadata
    ) -> TrainingSAE[Any]:
        """A fresh SAE of activations [n, d_in]."""
        import sae_lens

        from sae.dictionaries.batch_topk import QuickBatchTopKSAE

        trained = {"BatchTopK": QuickBatchTopKSAE}
        settings = getattr(sae_lens, f"{self.kind}TrainingSAEConfig")(
            d_in=d_in,
            d_sae=dictionary.d_sae,
            normalize_activations=NORMALISED,
            metadata=metadata,
            **self.options(dictionary),
        )
        sae = trained.get(self.kind) or getattr(sae_lens, f"{self.kind}TrainingSAE")
        return sae(settings)


def _batch_topk(dictionary: DictionaryConfig) -> dict[str, Any]:
    return {"k": dictionary.k, "aux_loss_coefficient": dictionary.aux_coefficient}


def _topk(dictionary: DictionaryConfig) -> dict[str, Any]:
    return {**_batch_topk(dictionary), "k": max(1, round(dictionary.k))}


def _matryoshka(dictionary: DictionaryConfig) -> dict[str, Any]:
    """An eighth, a quarter, half and all of the features."""
    widths = sorted({max(1, dictionary.d_sae // share) for share in (8, 4, 2, 1)})
    return {**_batch_topk(dictionary), "matryoshka_widths": widths}


def _l1(dictionary: DictionaryConfig) -> dict[str, Any]:
    return {
        "l1_coefficient": dictionary.sparsity,
        "l1_warm_up_steps": dictionary.warmup_steps,
    }


def _jumprelu(dictionary: DictionaryConfig) -> dict[str, Any]:
    return {
        "jumprelu_sparsity_loss_mode": "quadratic",
        "target_l0": dictionary.k,
        "l0_coefficient": dictionary.sparsity,
        "l0_warm_up_steps": dictionary.warmup_steps,
    }


TABLE: dict[str, tuple[str, Options]] = {
    "batch_topk": ("BatchTopK", _batch_topk),
    "topk": ("TopK", _topk),
    "matryoshka": ("MatryoshkaBatchTopK", _matryoshka),
    "standard": ("Standard", _l1),
    "gated": ("Gated", _l1),
    "jumprelu": ("JumpReLU", _jumprelu),
}
for _name, _entry in TABLE.items():
    architectures.register(_name)(SAELensArchitecture(*_entry))
