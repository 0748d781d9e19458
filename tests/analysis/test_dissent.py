"""Tests of dissent find what was put in, and nothing where nothing was."""

from __future__ import annotations

import numpy as np
import pytest

from culture_sim.analysis.dissent import dissent


def drawn(count, chances, seed=0):
    """Proposers by chance, and dissenters by the row of ``chances`` [5, 5] of their proposer."""
    rng = np.random.default_rng(seed)
    proposer = rng.integers(5, size=count).astype(np.int16)
    dissenter = np.array([rng.choice(5, p=chances[p]) for p in proposer], dtype=np.int16)
    return proposer, dissenter


ALIKE = np.full((5, 5), 0.2)


def test_the_matrix_counts_proposers_by_dissenters():
    found = dissent(np.array([0, 0, 1, 4], np.int16), np.array([1, 1, -1, 4], np.int16), 5)
    assert found["quizzes"] == 3
    assert found["matrix"][0] == [0, 2, 0, 0, 0]
    assert found["matrix"][4][4] == found["own"]["quizzes"] == 1
    assert found["own"]["expected"] == pytest.approx(0.6)
    # Too few to test.
    assert found["uniform"]["p"] is None
    assert found["association"]["p"] is None


def test_nothing_is_found_where_dissent_is_chance():
    small = [0, 0, 0]
    for seed in range(40):
        found = dissent(*drawn(600, ALIKE, seed), 5)
        for k, name in enumerate(("uniform", "association", "own")):
            small[k] += found[name]["p"] < 0.05
    assert all(count <= 7 for count in small)  # 2 are expected of 40; 8 or more have p < 0.001


@pytest.mark.parametrize(
    ("chances", "systematic"),
    [
        (np.tile([0.4, 0.15, 0.15, 0.15, 0.15], (5, 1)), {"uniform"}),
        (np.full((5, 5), 0.15) + 0.25 * np.eye(5), {"association", "own"}),
        (np.full((5, 5), 0.15) + 0.25 * np.roll(np.eye(5), 1, axis=1), {"association", "own"}),
    ],
)
def test_systematic_dissent_is_found(chances, systematic):
    found = dissent(*drawn(1000, chances), 5)
    small = {name for name in ("uniform", "association", "own") if found[name]["p"] < 1e-4}
    assert small == systematic


def test_no_dissenter_at_all():
    found = dissent(np.zeros(3, np.int16), np.full(3, -1, np.int16), 5)
    assert found["quizzes"] == 0
    assert found["own"]["p"] is found["uniform"]["p"] is None
