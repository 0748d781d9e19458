"""Intervals cover, p values are those of all sign flips, discoveries are adjusted."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from agents.circuits.statistics import adjusted, interval, sign_flip_p


def test_an_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        found = interval(torch.from_numpy(rng.normal(1.0, 2.0, 40)), rng, resamples=400)
        assert found.low < found.mean < found.high
        covered += found.low < 1.0 < found.high
    assert 0.91 < covered / 400 < 0.97
    constant = interval(torch.full((5,), 3.0), rng)
    assert (constant.low, constant.mean, constant.high) == (3.0, 3.0, 3.0)


def test_p_is_the_share_of_all_sign_flips():
    effects = np.array([[1.0, 2.0, 3.0, 4.0, -0.5], [1.0, -1.0, 1.0, -1.0, 0.2]])
    flips = np.array(list(product([-1, 1], repeat=5)))
    exact = [(np.abs(flips @ e) >= abs(e.sum()) - 1e-12).mean() for e in effects]
    found = sign_flip_p(effects, np.random.default_rng(1))
    np.testing.assert_allclose(found, exact, atol=0.02)


def test_no_effect_is_no_discovery():
    assert sign_flip_p(np.zeros((1, 20)), np.random.default_rng(0))[0] == 1.0


def test_discoveries_are_adjusted_as_by_hand():
    p = np.array([0.01, 0.04, 0.03, 0.5])
    assert adjusted(p) == pytest.approx([0.04, 0.04 * 4 / 3, 0.04 * 4 / 3, 0.5])
    assert len(adjusted(np.zeros(0))) == 0
