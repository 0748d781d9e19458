"""The strictest null: like within_cell, and the token to be predicted is the same as well.

Agents that answer alike share features of the answer itself ("the next cell is red"). What
exceeds this null is shared beyond what was read last and what is said next.
"""

import numpy as np
from numpy.typing import NDArray

from sae.activations.harvest import TokenRows
from sae.comparison.nulls import permutation
from sae.statistics.permutation import group_index, permute_within


@permutation("within_prediction")
def within_prediction(rows: TokenRows, rng: np.random.Generator) -> NDArray[np.int64]:
    """int64 [N]: rows permuted within strata of equal task, layout, position, token, target.

    Strata are smaller than in within_cell, so more rows are alone and stay in place.
    """
    strata = group_index(rows.strata, rows.target)
    return permute_within(strata, rng)
