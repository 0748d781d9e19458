"""Mutual and one-to-one matches on tables small enough to solve by hand."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from sae.matching.assignment import assign, mutual_best

NAN = np.nan


def test_mutual():
    forward, backward = np.array([0, 0, -1]), np.array([0, 1])
    assert mutual_best(forward, backward).tolist() == [True, False, False]
    assert mutual_best(np.array([-1, -1]), np.zeros(0, dtype=int)).tolist() == [False, False]


def test_assignment_beats_every_permutation():
    rng = np.random.default_rng(0)
    r = rng.normal(size=(5, 5))
    best = max(sum(r[i, p[i]] for i in range(5)) for p in permutations(range(5)))
    assert np.isclose(r[np.arange(5), assign(r)].sum(), best)


def test_assignment_leaves_out_the_undefined():
    r = np.array([[0.9, NAN, 0.8], [NAN, NAN, NAN], [0.95, NAN, 0.1]])
    assert assign(r).tolist() == [2, -1, 0]
    assert assign(np.full((2, 2), NAN)).tolist() == [-1, -1]
