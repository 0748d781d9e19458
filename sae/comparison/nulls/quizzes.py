"""The naive null: whole quizzes are permuted. It flatters, and is evaluation to show by how much.

Permuting whole quizzes keeps positions aligned but mixes tasks, layouts and tokens, so
everything that depends on these counts as shared between agents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sae.comparison.nulls import PermutingNull, nulls
from sae.statistics.permutation import exchange_quizzes

if TYPE_CHECKING:
    from sae.activations.harvest import TokenRows


@nulls.register("quizzes")
@dataclass(frozen=True)
class Quizzes(PermutingNull):
    """Whole quizzes permuted, of any task."""

    def order(self, rows: TokenRows, rng: np.random.Generator) -> NDArray[np.int64]:
        """int64 [N]: the rows of each quiz replaced by those of another, position for position.

        Quizzes are exchanged among those that keep the same number of tokens.
        """
        return exchange_quizzes(rows.quiz, np.zeros(rows.quizzes, dtype=np.int64), rng)
