"""A random basis: features of one agent looked for among directions that mean nothing.

Gurnee et al. (2024) compare a neuron's best match with its best match in a randomly rotated
basis, which spans the same space: what exceeds it is due to the features themselves, and not to
what the two agents' codes hold as a whole. All quizzes and tokens stay where they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sae.comparison.nulls import Draw, Null, nulls
from world.core.errors import COUNT, require

if TYPE_CHECKING:
    from sae.activations.harvest import Splits
    from sae.streamed.rows import StoredSplits


@nulls.register("rotation")
@dataclass(frozen=True)
class Rotation(Null):
    """The features of an agent in a random basis."""

    most: int = 4096
    """Features up to which they are rotated: time grows with their cube."""

    def __post_init__(self) -> None:
        require(self, "null rotation", COUNT, "most")

    def __call__(self, rows: Splits | StoredSplits, rng: np.random.Generator) -> Draw:
        from sae.comparison.rotated import RotatedFeatures  # loads scipy.stats

        seed = int(rng.integers(2**63))
        return lambda features: RotatedFeatures(
            features.index,
            features.firings,
            features.selection,
            features.evaluation,
            seed,
            self.most,
        )
