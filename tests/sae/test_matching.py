"""Best, mutual and one-to-one matches on tables small enough to solve by hand."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from sae.matching import assign, best_match, mutual_best

NAN = np.nan


def test_best_match_ignores_what_is_undefined():
    column, r = best_match(np.array([[0.1, NAN, 0.7], [NAN, NAN, NAN], [-0.5, -0.2, NAN]]))
    assert column.tolist() == [2, -1, 1]
    np.testing.assert_array_equal(r, [0.7, NAN, -0.2])


def test_best_match_without_candidates():
    column, r = best_match(np.zeros((2, 0)))
    assert column.tolist() == [-1, -1]
    assert np.isnan(r).all()


def test_mutual():
    r = np.array([[0.9, 0.1], [0.8, 0.2], [NAN, NAN]])
    forward, backward = best_match(r)[0], best_match(r.T)[0]
    assert mutual_best(forward, backward).tolist() == [True, False, False]


def test_assignment_beats_every_permutation():
    rng = np.random.default_rng(0)
    r = rng.normal(size=(5, 5))
    best = max(sum(r[i, p[i]] for i in range(5)) for p in permutations(range(5)))
    assert np.isclose(r[np.arange(5), assign(r)].sum(), best)


def test_assignment_leaves_out_the_undefined():
    r = np.array([[0.9, NAN, 0.8], [NAN, NAN, NAN], [0.95, NAN, 0.1]])
    assert assign(r).tolist() == [2, -1, 0]
    assert assign(np.full((2, 2), NAN)).tolist() == [-1, -1]
