"""Tests of dissent find what was put in, and nothing where nothing was."""

from __future__ import annotations

import numpy as np
import pytest

from culture_sim.culture.analysis.dissent import dissent

ALIKE = np.full(5, 0.2)
SKEWED = np.array([0.4, 0.15, 0.15, 0.15, 0.15])
OWN = np.eye(5, dtype=bool)


def drawn(count, proposing, dissenting, seed=0, twist=0.0):
    """Proposers by chance; dissenters by chance among the others, seldom the proposer itself.

    twist: what the agent after the proposer has more of the chances.
    """
    rng = np.random.default_rng(seed)
    chances = np.where(OWN, 0.1, 1.0) * dissenting + twist * np.roll(OWN, 1, axis=1)
    chances /= chances.sum(axis=1, keepdims=True)
    proposer = rng.choice(5, size=count, p=proposing).astype(np.int16)
    dissenter = np.array([rng.choice(5, p=chances[p]) for p in proposer], dtype=np.int16)
    return proposer, dissenter


def test_the_matrix_counts_proposers_by_dissenters():
    found = dissent(np.array([0, 0, 1, 4], np.int16), np.array([1, 1, -1, 4], np.int16), 5)
    assert found["quizzes"] == 3
    assert found["matrix"][0] == [0, 2, 0, 0, 0]
    assert found["matrix"][4][4] == found["own"] == 1
    nobody = dissent(np.array([0, -1, -1], np.int16), np.array([1, 2, 4], np.int16), 5)
    assert (nobody["quizzes"], nobody["matrix"][0][1]) == (1, 1)
    # Too few to test.
    assert found["uniform"]["p"] is None
    assert found["association"]["p"] is None


@pytest.mark.parametrize("proposing", [ALIKE, SKEWED])
def test_nothing_is_found_where_dissent_is_chance(proposing):
    """Also where some agents have more kept, and proposers hardly ever fail their own."""
    small = np.zeros(2)
    for seed in range(60):
        found = dissent(*drawn(800, proposing, ALIKE, seed), 5)
        small += [found[name]["p"] < 0.05 for name in ("uniform", "association")]
    assert (small <= 9).all()  # 3 are expected of 60; 10 or more have p < 0.002


def test_an_agent_that_dissents_more_is_no_association():
    small = 0
    for seed in range(60):
        found = dissent(*drawn(1500, ALIKE, SKEWED, seed), 5)
        assert found["uniform"]["p"] < 1e-4
        small += found["association"]["p"] < 0.05
    assert small <= 9


def test_dissent_on_one_agents_quizzes_is_an_association():
    found = dissent(*drawn(1500, ALIKE, ALIKE, twist=0.3), 5)
    assert found["association"]["p"] < 1e-4
    assert found["uniform"]["p"] > 1e-3


def test_no_dissenter_at_all_and_two_agents():
    found = dissent(np.zeros(3, np.int16), np.full(3, -1, np.int16), 5)
    assert found["quizzes"] == found["own"] == 0
    assert found["uniform"]["p"] is None
    two = np.arange(100, dtype=np.int16) % 2
    assert dissent(two, 1 - two, 2)["association"]["p"] is None
