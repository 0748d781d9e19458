"""SAE architectures by name, all trained and saved in the same way.

An architecture is called with the width of the activations, the options of the dictionary and the
metadata, and returns a sae_lens training SAE with fresh weights from the global generator. A
function will do; one with options of its own is a frozen dataclass that is called. Either is
registered from its own file, in this package or in any that is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from sae.config import DictionaryConfig
from world import Registry

# sae_lens takes seconds to import, and commands that only check names do not need it.
if TYPE_CHECKING:
    from sae_lens import TrainingSAE
    from sae_lens.saes.sae import SAEMetadata

Architecture: TypeAlias = "Callable[[int, DictionaryConfig, SAEMetadata], TrainingSAE[Any]]"

architectures: Registry[Architecture] = Registry(
    "SAE architecture", "sae.dictionaries.architectures"
)

NORMALISED = "expected_average_only_in"
"""Activations are scaled to a mean norm of sqrt(d); the scale is folded in after training."""

__all__ = ["NORMALISED", "Architecture", "architectures"]
