"""Whole quizzes permuted within their task and layout: chance, with quizzes left whole.

Tokens of one quiz are not independent, so that permuting whole quizzes shows how far a
correlation strays by chance; permuting tokens one by one understates it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sae.comparison.nulls import PermutingNull, nulls
from sae.statistics.permutation import exchange_quizzes, group_index

if TYPE_CHECKING:
    from sae.activations.harvest import TokenRows


@nulls.register("within_task")
@dataclass(frozen=True)
class WithinTask(PermutingNull):
    """Whole quizzes permuted, within their task."""

    def order(self, rows: TokenRows, rng: np.random.Generator) -> NDArray[np.int64]:
        """int64 [N]: the rows of each quiz replaced by those of another, position for position.

        Quizzes are exchanged among those of equal task, layout and number of tokens.
        """
        first = np.searchsorted(rows.quiz, np.arange(rows.quizzes))
        return exchange_quizzes(rows.quiz, group_index(rows.task[first], rows.layout[first]), rng)
