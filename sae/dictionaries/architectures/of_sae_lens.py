"""The architectures of sae_lens: one file, for they differ in a class and a few options.

- batch_topk (Bussmann et al. 2024): k features a token on average over a batch;
- topk (Gao et al. 2024): exactly k features a token;
- matryoshka (Bussmann et al. 2025): BatchTopK whose first features must reconstruct alone;
- standard (Bricken et al. 2023; Cunningham et al. 2023): ReLU with an L1 loss;
- gated (Rajamanoharan et al. 2024a): which features fire and how strongly, apart;
- jumprelu (Rajamanoharan et al. 2024b): its L0 drawn to k by a quadratic loss.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sae.dictionaries.architectures import NORMALISED, Architecture, architectures
from world.core.errors import AMOUNT, require
from world.core.options import name_of

if TYPE_CHECKING:
    from sae_lens import TrainingSAE
    from sae_lens.saes.sae import SAEMetadata

    from sae.config import DictionaryConfig


class SAELensArchitecture(Architecture):
    """A training SAE of sae_lens. kind: the name of its class without "TrainingSAE"."""

    kind: ClassVar[str]

    @abstractmethod
    def settings(self, dictionary: DictionaryConfig) -> dict[str, Any]:
        """Options of sae_lens that the class has beside its widths."""

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
            **self.settings(dictionary),
        )
        sae = trained.get(self.kind) or getattr(sae_lens, f"{self.kind}TrainingSAE")
        return sae(settings)


@architectures.register("batch_topk")
@dataclass(frozen=True)
class BatchTopK(SAELensArchitecture):
    """k features a token on average over a batch."""

    kind = "BatchTopK"
    aux_coefficient: float = 1.0
    """Weight of the auxiliary loss, in which features that stopped firing fit what is left over."""

    def __post_init__(self) -> None:
        require(self, f"SAE architecture {name_of(self)}", AMOUNT, "aux_coefficient")

    def settings(self, dictionary: DictionaryConfig) -> dict[str, Any]:
        return {"k": dictionary.k, "aux_loss_coefficient": self.aux_coefficient}


@architectures.register("topk")
@dataclass(frozen=True)
class TopK(BatchTopK):
    """Exactly k features a token, rounded."""

    kind = "TopK"

    def settings(self, dictionary: DictionaryConfig) -> dict[str, Any]:
        return {**super().settings(dictionary), "k": max(1, round(dictionary.k))}


@architectures.register("matryoshka")
@dataclass(frozen=True)
class Matryoshka(BatchTopK):
    """BatchTopK whose first eighth, quarter and half of the features must reconstruct alone."""

    kind = "MatryoshkaBatchTopK"

    def settings(self, dictionary: DictionaryConfig) -> dict[str, Any]:
        widths = sorted({max(1, dictionary.d_sae // share) for share in (8, 4, 2, 1)})
        return {**super().settings(dictionary), "matryoshka_widths": widths}


@dataclass(frozen=True)
class SparsityLoss(SAELensArchitecture):
    """An architecture that is drawn to few features by a loss."""

    sparsity: float = 1.0
    """Weight of the sparsity loss."""

    def __post_init__(self) -> None:
        require(self, f"SAE architecture {name_of(self)}", AMOUNT, "sparsity")


@architectures.register("standard")
@dataclass(frozen=True)
class Standard(SparsityLoss):
    """ReLU with an L1 loss."""

    kind = "Standard"

    def settings(self, dictionary: DictionaryConfig) -> dict[str, Any]:
        return {"l1_coefficient": self.sparsity, "l1_warm_up_steps": dictionary.warmup_steps}


@architectures.register("gated")
@dataclass(frozen=True)
class Gated(Standard):
    """Which features fire and how strongly, apart; with an L1 loss."""

    kind = "Gated"


@architectures.register("jumprelu")
@dataclass(frozen=True)
class JumpReLU(SparsityLoss):
    """A threshold for each feature, learned with a quadratic loss on the distance of L0 from k."""

    kind = "JumpReLU"

    def settings(self, dictionary: DictionaryConfig) -> dict[str, Any]:
        return {
            "jumprelu_sparsity_loss_mode": "quadratic",
            "target_l0": dictionary.k,
            "l0_coefficient": self.sparsity,
            "l0_warm_up_steps": dictionary.warmup_steps,
        }
