"""Bootstrap resamples of quizzes: tokens of one quiz are never taken as independent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def resample_weights(
    source: NDArray[np.int64], resamples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """float64 [R, Q]: how often each quiz is drawn in each bootstrap resample.

    source: [Q], 0 .. S - 1. Quizzes of one source, such as one quiz in several layouts, are
    no independent observations and are drawn together.
    """
    count = int(source.max(initial=-1)) + 1
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=resamples)
    return drawn[:, source].astype(np.float64)
