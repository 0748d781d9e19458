"""The strictest null: like within_cell, and the token to be predicted is the same as well.

Agents that answer alike share features of the answer itself ("the next cell is red"). What
exceeds this null is shared beyond what was read last and what is said next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sae.comparison.nulls import PermutingNull, nulls
from sae.statistics.permutation import group_index, permute_within

if TYPE_CHECKING:
    from sae.activations.harvest import TokenRows


@nulls.register("within_prediction")
@dataclass(frozen=True)
class WithinPrediction(PermutingNull):
    """Rows permuted among those that are read and answered alike."""

    def order(self, rows: TokenRows, rng: np.random.Generator) -> NDArray[np.int64]:
        """int64 [N]: rows permuted within strata of equal task, layout, position, token, target.

        Strata are smaller than in within_cell, so more rows are alone and stay in place.
        """
        strata = group_index(rows.strata, rows.target)
        return permute_within(strata, rng)
