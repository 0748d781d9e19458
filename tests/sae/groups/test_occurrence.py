"""Which features fire more in a group of quizzes: those that were planted, and no others."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from sae.groups.occurrence import LEAST_QUIZZES, firing_shares, occurrence
from sae.significance import false_discovery


def test_a_share_is_of_the_quiz_s_own_tokens():
    codes = sparse.csr_array(np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0], [0.5, 0.5]]))
    found = firing_shares(codes, np.array([0, 0, 0, 1]), 3)
    np.testing.assert_allclose(found[:2], [[2 / 3, 1 / 3], [1, 1]])
    assert np.isnan(found[2]).all()
    assert found.dtype == np.float32


def test_what_differs_is_found_and_what_does_not_is_not():
    rng, quizzes, features = np.random.default_rng(0), 300, 200
    rate = np.full((2, features), 0.1)
    rate[0, :10], rate[1, 10:20] = 0.15, 0.0
    groups = [rng.binomial(40, each, size=(quizzes, features)) / 40 for each in rate]
    table = occurrence(*groups, *[np.zeros(quizzes, np.int64)] * 2)
    q = false_discovery({0: table.p.to_numpy()})[0]
    assert (q[:20] <= 0.05).all()
    assert (q[20:] <= 0.05).mean() < 0.02
    assert (table.quizzes_other[10:20] == 0).all()
    assert table.difference[:10].mean() == pytest.approx(0.05, abs=0.01)


def test_quizzes_are_the_units_not_tokens():
    """A feature that fires on whole quizzes or not at all: 40 tokens say no more than one."""
    rng, found = np.random.default_rng(0), []
    for _ in range(200):
        groups = [(rng.random((50, 1)) < 0.3).astype(float) for _ in range(2)]
        found.append(occurrence(*groups, *[np.zeros(50, np.int64)] * 2).p[0])
    assert np.mean(np.array(found) < 0.05) < 0.1


def test_a_rare_feature_is_not_tested():
    shares = np.zeros((50, 2))
    shares[: LEAST_QUIZZES - 1, 0] = shares[:LEAST_QUIZZES, 1] = 0.5
    other = np.zeros((50, 2))
    table = occurrence(shares, other, *[np.zeros(50, np.int64)] * 2)
    assert np.isnan(table.p[0])
    assert table.p[1] < 0.01


def test_another_mixture_of_directions_is_no_difference():
    rng, found = np.random.default_rng(0), []
    directions = np.array([0, 1]).repeat([150, 50]), np.array([0, 1]).repeat([60, 140])
    for _ in range(200):
        groups = [rng.binomial(40, np.where(d, 0.3, 0.1))[:, None] / 40 for d in directions]
        table = occurrence(*groups, *directions)
        assert occurrence(*groups, *[np.zeros(200, np.int64)] * 2).p[0] < 0.001
        assert abs(table.share[0] - table.share_other[0]) < 0.03
        found.append(table.p[0])
    assert np.mean(np.array(found) < 0.05) < 0.1


def test_quizzes_without_a_counterpart_are_left_out():
    ones, zeros = np.ones((20, 1)), np.zeros((20, 1))
    table = occurrence(ones, zeros, np.arange(20) % 2, np.zeros(20, np.int64))
    assert (table.quizzes[0], table.quizzes_other[0]) == (10, 0)
