"""Who dissents on whose quizzes, and whether that is more than chance.

The answer that a quiz is kept with is the proposer's own, so a proposer is never wrong forward and
seldom dissents on its own quizzes, whatever agents are like. Only quizzes of others say anything.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

LEAST_EXPECTED = 5.0
"""Cells of which fewer are expected make a chi-square test unreliable (W. G. Cochran, 1954)."""
FIT_STEPS = 1000
"""Steps of the fit, which ends sooner where the counts allow it."""


def dissent(
    proposer: NDArray[np.int16], dissenter: NDArray[np.int16], n_agents: int
) -> dict[str, Any]:
    """Counts and tests over kept quizzes with one dissenter and a known proposer; the others (-1)
    are left out.

    matrix: rows are proposers, columns dissenters. own: quizzes whose proposer fails them itself.
    uniform: chi-square test that on the quizzes of others all agents dissent alike. association:
    that who dissents on them does not depend on who proposed them (quasi-independence: L. A.
    Goodman, 1968). Each test gives its ``p``; None where a count below 5 is expected.
    """
    one = (dissenter >= 0) & (proposer >= 0)
    matrix = np.zeros((n_agents, n_agents), dtype=np.int64)
    np.add.at(matrix, (proposer[one], dissenter[one]), 1)
    others = np.where(np.eye(n_agents, dtype=np.bool_), 0, matrix)
    return {
        "quizzes": int(matrix.sum()),
        "own": int(np.trace(matrix)),
        "matrix": matrix.tolist(),
        "uniform": {"p": _uniform(others)},
        "association": {"p": _association(others)},
    }


def _uniform(others: NDArray[np.int64]) -> float | None:
    """Each proposer's quizzes are as likely to be failed by any other agent."""
    n = len(others)
    proposed = others.sum(axis=1)
    expected = (proposed.sum() - proposed) / (n - 1)
    if expected.min() < LEAST_EXPECTED:
        return None
    return _p(others.sum(axis=0), expected, n - 1)


def _association(others: NDArray[np.int64]) -> float | None:
    n = len(others)
    freedom = (n - 1) ** 2 - n
    if freedom < 1 or not others.sum(axis=0).all() or not others.sum(axis=1).all():
        return None
    expected = _quasi_independent(others)
    off = ~np.eye(n, dtype=np.bool_)
    if expected[off].min() < LEAST_EXPECTED:
        return None
    return _p(others[off], expected[off], freedom)


def _quasi_independent(others: NDArray[np.int64]) -> NDArray[np.float64]:
    """Expected counts off the diagonal: products of row and column factors with these margins."""
    fitted = 1.0 - np.eye(len(others))
    for _ in range(FIT_STEPS):
        before = fitted
        fitted = fitted * (others.sum(axis=1) / fitted.sum(axis=1))[:, None]
        fitted = fitted * (others.sum(axis=0) / fitted.sum(axis=0))
        if np.allclose(before, fitted, rtol=1e-10, atol=0):
            break
    return fitted


def _p(counts: NDArray[np.int64], expected: NDArray[np.float64], freedom: int) -> float:
    return float(chi2.sf(((counts - expected) ** 2 / expected).sum(), freedom))
