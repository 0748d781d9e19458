"""Scores are scikit-learn's, with every group weighted as often as it is drawn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, r2_score, roc_auc_score

from agents.circuits.probes.scores import resampled_scores

N, G = 200, 40


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture
def group():
    return np.arange(N) % G


@pytest.fixture
def weights(rng):
    """All groups once, then more resamples than are weighted at once."""
    return np.concatenate([np.ones((1, G)), rng.multinomial(G, np.full(G, 1 / G), size=40)])


def scores(kind, y, predicted, group, weights, fold=None):
    fold = np.zeros(N, dtype=np.int64) if fold is None else fold
    return resampled_scores(kind, y, predicted, fold, group, weights)


def expected(metric, weights, group):
    return [metric(sample_weight=row[group]) for row in weights]


def test_r2(rng, group, weights):
    y = rng.standard_normal(N) + 100
    predicted = y + rng.standard_normal(N)
    found = scores("number", y, predicted[:, None], group, weights)["r2"]
    wanted = expected(lambda **w: r2_score(y, predicted, **w), weights, group)
    np.testing.assert_allclose(found, wanted)


def test_two_classes(rng, group, weights):
    """With ties, which count half."""
    y = rng.integers(0, 2, size=N).astype(np.float64)
    odds = np.round(y + rng.standard_normal(N))
    found = scores("class", y, np.stack([-odds / 2, odds / 2], axis=1), group, weights)
    auroc = expected(lambda **w: roc_auc_score(y, odds, **w), weights, group)
    np.testing.assert_allclose(found["auroc"], auroc)
    told = odds > 0
    share = expected(lambda **w: balanced_accuracy_score(y, told, **w), weights, group)
    np.testing.assert_allclose(found["balanced_accuracy"], share)


def test_three_classes(rng, group, weights):
    y = rng.integers(0, 3, size=N)
    odds = np.eye(3)[y] + rng.standard_normal((N, 3))
    share = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    found = scores("class", y.astype(np.float64), odds, group, weights)
    auroc = expected(lambda **w: roc_auc_score(y, share, multi_class="ovr", **w), weights, group)
    np.testing.assert_allclose(found["auroc"], auroc)


def test_pairs_of_two_folds_are_not_compared(rng, group, weights):
    """Each fold's odds have an own offset, which says nothing about its tokens."""
    y = rng.integers(0, 2, size=N).astype(np.float64)
    odds, fold = y + rng.standard_normal(N), group % 2
    plain, moved = (
        scores("class", y, np.stack([0 * o, o], axis=1), group, weights, fold)["auroc"]
        for o in (odds, odds + 100.0 * fold)
    )
    np.testing.assert_allclose(plain, moved)
    by_fold = [roc_auc_score(y[fold == f], odds[fold == f]) for f in (0, 1)]
    assert min(by_fold) <= plain[0] <= max(by_fold)


def test_what_cannot_be_scored_is_nan(group, weights):
    """A number that does not vary; a class that one resample lacks."""
    same = np.ones(N)
    assert np.isnan(scores("number", same, same[:, None], group, weights)["r2"]).all()
    rare = (group == 0).astype(np.float64)
    found = scores("class", rare, np.stack([-rare, rare], axis=1), group, weights)
    lacks = weights[:, 0] == 0
    assert lacks.any()
    for values in found.values():
        assert (np.isnan(values) == lacks).all()
        assert (values[~lacks] == 1).all()
