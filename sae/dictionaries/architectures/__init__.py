"""SAE architectures: sae_lens's, one file each, all trained and saved in the same way.

An architecture is a function of the width of the activations, the options and the metadata; it
returns a sae_lens training SAE with fresh weights from the global generator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from sae.config import SAEConfig
from world import Registry

# sae_lens takes seconds to import, and commands that only check names do not need it.
if TYPE_CHECKING:
    from sae_lens import TrainingSAE
    from sae_lens.saes.sae import SAEMetadata

Build: TypeAlias = "Callable[[int, SAEConfig, SAEMetadata], TrainingSAE[Any]]"

architectures: Registry[Build] = Registry("SAE architecture", "sae.dictionaries.architectures")

NORMALISED = "expected_average_only_in"
"""Activations are scaled to a mean norm of sqrt(d); the scale is folded in after training."""

__all__ = ["NORMALISED", "Build", "architectures"]
