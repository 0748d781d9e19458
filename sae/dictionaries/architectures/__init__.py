"""SAE architectures by name, all trained and saved in the same way.

An architecture is a frozen dataclass whose fields are its options. It is called with the width of
the activations, the options of the dictionary and the metadata, and returns a sae_lens training SAE
with fresh weights from the global generator. It is registered from its own file, in this package
or in any that is imported.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from world import Registry

# sae_lens takes seconds to import, and options, which hold architectures, do without it.
if TYPE_CHECKING:
    from sae_lens import TrainingSAE
    from sae_lens.saes.sae import SAEMetadata

    from sae.config import DictionaryConfig


class Architecture(ABC):
    """What makes a fresh SAE."""

    @abstractmethod
    def __call__(
        self, d_in: int, dictionary: DictionaryConfig, metadata: SAEMetadata
    ) -> TrainingSAE[Any]:
        """An untrained SAE of activations [n, d_in]."""


architectures: Registry[type[Architecture]] = Registry(
    "SAE architecture", "sae.dictionaries.architectures", Architecture
)

NORMALISED = "expected_average_only_in"
"""Activations are scaled to a mean norm of sqrt(d); the scale is folded in after training."""

__all__ = ["NORMALISED", "Architecture", "architectures"]
