"""Who dissents on whose quizzes, and whether that is more than chance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, chi2_contingency, chisquare


def dissent(
    proposer: NDArray[np.int16], dissenter: NDArray[np.int16], n_agents: int
) -> dict[str, Any]:
    """Counts and tests over kept quizzes with one dissenter; the others (-1) are left out.

    matrix: rows are proposers, columns dissenters. uniform: chi-square test that all agents dissent
    alike. association: chi-square test that the dissenter does not depend on the proposer. own:
    quizzes whose proposer fails them itself, with a binomial test against 1 / N. Each test gives
    its ``p``; None where there are too few quizzes to test (an expected count below 5).
    """
    one = dissenter >= 0
    matrix = np.zeros((n_agents, n_agents), dtype=np.int64)
    np.add.at(matrix, (proposer[one], dissenter[one]), 1)
    total, own = int(matrix.sum()), int(np.trace(matrix))
    return {
        "quizzes": total,
        "matrix": matrix.tolist(),
        "uniform": {"p": _uniform(matrix.sum(axis=0))},
        "association": {"p": _association(matrix)},
        "own": {
            "quizzes": own,
            "expected": total / n_agents,
            "p": float(binomtest(own, total, 1 / n_agents).pvalue) if total else None,
        },
    }


def _uniform(counts: NDArray[np.int64]) -> float | None:
    return float(chisquare(counts).pvalue) if counts.mean() >= 5 else None


def _association(matrix: NDArray[np.int64]) -> float | None:
    if not matrix.sum(axis=0).all() or not matrix.sum(axis=1).all():
        return None
    found = chi2_contingency(matrix)
    return float(found.pvalue) if found.expected_freq.min() >= 5 else None
