"""SAEs whose decoder stays as it started: features that learn when to fire, but not what for.

If random directions with a trained encoder match as well across agents, matches say nothing
about the directions that training finds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sae.dictionaries.baselines import TrainedBaseline, baselines

if TYPE_CHECKING:
    from sae_lens import TrainingSAE


class FrozenDecoder(TrainedBaseline):
    """The agent's own activations, a decoder that is never trained."""

    def prepare(self, sae: TrainingSAE[Any]) -> None:
        """Leave the decoder's directions out of training."""
        sae.W_dec.requires_grad_(False)


baselines.register("frozen_decoder")(FrozenDecoder())
