"""What can be answered without a rule: the null against which learning is held."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from world.core.batch import QuizBatch


@runtime_checkable
class ByHeartWorld(Protocol):
    """A world that knows what one could answer who had learned quizzes by heart.

    Worlds whose quizzes are an example and a question of pairs need not offer it.
    """

    def by_heart(self, seen: QuizBatch, exam: QuizBatch) -> NDArray[np.bool_]:
        """bool [B]: quizzes of an exam that are answered right from what was seen alone."""
        ...
