"""The decisive null: quizzes are permuted among tokens alike in all that is trivially shared.

Position, the last token read, task and layout correlate the features of any two agents,
whatever they have learned; this null keeps those correlations and destroys the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sae.comparison.nulls import PermutingNull, nulls
from sae.statistics.permutation import permute_within

if TYPE_CHECKING:
    from sae.activations.harvest import TokenRows


@nulls.register("within_cell")
@dataclass(frozen=True)
class WithinCell(PermutingNull):
    """Rows permuted among those that are read alike."""

    def order(self, rows: TokenRows, rng: np.random.Generator) -> NDArray[np.int64]:
        """int64 [N]: rows permuted within strata of equal task, layout, position and token.

        Quizzes made by agents have task -1 and so form a task of their own. A row alone in its
        stratum stays in place, which only raises the null.
        """
        return permute_within(rows.strata, rng)
