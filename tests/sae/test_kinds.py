"""Two synthetic dictionaries with known shared, split, merged, spanned and unique features."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from sae.compare import compare_features
from sae.config import SAEConfig
from sae.correlation import make_codes
from sae.covariance import covariance, predicted
from sae.features import select_features
from sae.kinds import Kind
from tests.sae.test_compare import REPORTED, STREAM, events, noisy, rows

CONFIG = SAEConfig(
    min_firings=15, permutations=2, resamples=10, widths=(64,), nulls=("within_cell",)
)
EACH = 10

__all__ = ["rows"]


def features(dense):
    return select_features(sparse.csr_array(dense.astype(np.float32)), REPORTED, 15)


@pytest.fixture(scope="module")
def planted(rows):
    """Kinds of the features of a in b and of b in a, as found; EACH of every kind in this order.

    a: shared, split in two in b, mixtures of many of b, its own. b: shared, the first and the
    second parts of what splits, 40 that are mixed in a, its own.
    """
    rng = np.random.default_rng(0)
    shared, first, second = (events(rng, rows, EACH, 0.05) for _ in range(3))
    mixed = events(rng, rows, 4 * EACH, 0.05)
    mixtures = mixed @ rng.choice([-1.0, 1.0], (4 * EACH, EACH))
    own = [events(rng, rows, EACH, 0.05) for _ in range(2)]
    a = [noisy(rng, shared), noisy(rng, first + second), mixtures, own[0]]
    b = [noisy(rng, part) for part in (shared, first, second, mixed)] + [own[1]]
    found = compare_features(
        {0: [features(np.concatenate(a, axis=1))], 1: [features(np.concatenate(b, axis=1))]},
        rows,
        CONFIG,
        "site",
        STREAM,
    )
    return found.kinds[0, 1], found.kinds[1, 0]


@pytest.mark.parametrize(
    ("agent", "place", "kind"),
    [
        (0, slice(0, EACH), Kind.MATCHED),
        (0, slice(EACH, 2 * EACH), Kind.SPLIT),
        (0, slice(3 * EACH, None), Kind.UNIQUE),
        (1, slice(0, EACH), Kind.MATCHED),
        (1, slice(EACH, 3 * EACH), Kind.MERGED),
        (1, slice(7 * EACH, None), Kind.UNIQUE),
    ],
)
def test_planted_kinds_are_recovered(planted, agent, place, kind):
    assert (planted[agent][place] == kind).mean() >= 0.9


def test_mixtures_are_spanned_and_not_unique(planted):
    mixtures = planted[0][2 * EACH : 3 * EACH]
    assert (mixtures != Kind.UNIQUE).all()
    assert (mixtures == Kind.SUBSPACE).any()


def test_prediction_is_ridge_regression_graded_on_other_quizzes(rows):
    rng = np.random.default_rng(1)
    x = events(rng, rows, 6, 0.2)
    y = x @ rng.normal(size=(6, 3)) + rng.normal(0, 0.3, (len(rows), 3))
    a, b = features(y), features(x)
    found = predicted(covariance(a, b), covariance(b, b), np.diag(covariance(a, a).reported).copy())
    chosen = (x[~REPORTED] - x[~REPORTED].mean(axis=0)) / x[~REPORTED].std(axis=0)
    weights = np.linalg.solve(
        chosen.T @ chosen / len(chosen) + 0.01 * np.eye(6), chosen.T @ y[~REPORTED] / len(chosen)
    )
    told = (x[REPORTED] - x[REPORTED].mean(axis=0)) / x[~REPORTED].std(axis=0) @ weights
    truth = y[REPORTED] - y[REPORTED].mean(axis=0)
    expected = 1 - ((truth - told) ** 2).sum(axis=0) / (truth**2).sum(axis=0)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_covariance_is_in_units_of_the_choosing_half(rows):
    rng = np.random.default_rng(2)
    a = features(events(rng, rows, 4, 0.2))
    own = covariance(a, a)
    np.testing.assert_allclose(np.diag(own.choosing), 1)
    assert make_codes(a.reported.values).moments.mean == pytest.approx(a.reported.moments.mean)
