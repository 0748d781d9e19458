"""The naive null: whole quizzes are permuted. It flatters, and is evaluation to show by how much.

Permuting whole quizzes keeps positions aligned but mixes tasks, layouts and tokens, so
everything that depends on these counts as shared between agents.
"""

import numpy as np
from numpy.typing import NDArray

from sae.activations.harvest import TokenRows
from sae.comparison.nulls import permutation
from sae.statistics.permutation import exchange_quizzes


@permutation("quizzes")
def quizzes(rows: TokenRows, rng: np.random.Generator) -> NDArray[np.int64]:
    """int64 [N]: the rows of each quiz replaced by those of another, position for position.

    Quizzes are exchanged among those that keep the same number of tokens.
    """
    return exchange_quizzes(rows.quiz, np.zeros(rows.quizzes, dtype=np.int64), rng)
