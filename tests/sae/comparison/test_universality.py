"""The normalised figure, its interval, and correlations on resampled quizzes."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

import numpy as np
import pytest
from scipy import sparse

from sae.comparison.universality import Triple, universality
from sae.matching.correlation import grouped_moments, make_codes, pearson
from sae.matching.resampling import Resampler
from sae.statistics.resampling import resample_weights


def codes(rng, tokens, features):
    fires = rng.random((tokens, features)) < 0.3
    return (fires * rng.exponential(size=fires.shape)).astype(np.float32)


def made(values):
    return make_codes(sparse.csr_array(values))


def test_resampled_r_is_pearson_of_the_resample():
    rng = np.random.default_rng(0)
    quiz = np.repeat(np.arange(30), rng.integers(1, 9, 30))
    x = codes(rng, len(quiz), 4)
    y = x[:, [1, 0, 3, 2]] + codes(rng, len(quiz), 4)
    weights = np.concatenate([np.ones((1, 30)), resample_weights(np.arange(30), 3, rng)])
    found = Resampler(weights, quiz).correlation(made(x), made(y), np.array([3, 1, 0, 3]))
    for row, weight in zip(found, weights, strict=True):
        rows = np.concatenate(
            [np.repeat(np.flatnonzero(quiz == q), int(weight[q])) for q in range(30)]
        )
        expected = np.diag(
            pearson(sparse.csr_array(x[rows]), sparse.csr_array(y[rows][:, [3, 1, 0, 3]]))
        )
        np.testing.assert_allclose(row, expected, rtol=0, atol=1e-7)


def test_resampled_r_without_variance_is_undefined():
    x = np.array([[1.0], [2.0], [0.0], [0.0]], np.float32)
    resampler = Resampler(np.array([[1.0, 1.0], [0.0, 2.0]]), np.array([0, 0, 1, 1]))
    r = resampler.correlation(made(x), made(x), np.array([0]))
    np.testing.assert_allclose(r[:, 0], [1.0, np.nan])


def test_sums_of_other_codes_are_not_taken_for_these():
    """Codes that are gone leave nothing behind, even where others take their place in memory."""
    rng, quiz = np.random.default_rng(2), np.repeat(np.arange(10), 8)
    resampler = Resampler(np.ones((1, 10)), quiz)
    for _ in range(20):
        x = codes(rng, len(quiz), 3)
        r = resampler.correlation(made(x), made(x), np.array([1, 2, 0]))
        expected = np.corrcoef(x.T)[[0, 1, 2], [1, 2, 0]]
        np.testing.assert_allclose(r[0], expected, atol=1e-6)


def test_threads_that_ask_at_once_share_the_work(monkeypatch):
    def slowly(*given):
        time.sleep(0.05)
        return grouped_moments(*given)

    summing = Mock(side_effect=slowly)
    monkeypatch.setattr("sae.matching.resampling.grouped_moments", summing)
    x = made(codes(np.random.default_rng(3), 40, 3))
    resampler = Resampler(np.ones((2, 4)), np.repeat(np.arange(4), 10))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: resampler.correlation(x, x, np.array([0, 1, 2])), range(4)))
    assert summing.call_count == 1
    np.testing.assert_allclose(found, np.ones((4, 2, 3)), rtol=1e-6)


def test_resamples_keep_the_number_of_quizzes():
    weights = resample_weights(np.arange(50), 200, np.random.default_rng(0))
    assert (weights.sum(axis=1) == 50).all()
    assert weights.mean() == pytest.approx(1.0)


def test_quizzes_of_one_source_are_drawn_together():
    weights = resample_weights(np.array([0, 1, 0, 2]), 100, np.random.default_rng(0))
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()


def test_resampler_leaves_features_without_match_undefined():
    rng = np.random.default_rng(1)
    x = made(codes(rng, 40, 3))
    resampler = Resampler(np.ones((2, 4)), np.repeat(np.arange(4), 10))
    r = resampler.correlation(x, x, np.array([0, -1, 2]))
    np.testing.assert_allclose(r, [[1, np.nan, 1]] * 2, rtol=1e-6)


def test_medians_are_over_features_that_all_three_have():
    nan = np.nan
    found = universality(
        Triple(
            np.array([0.1, 0.5, 0.6, nan]),
            np.array([nan, 0.2, 0.2, 0.2]),
            np.array([0.9, 0.8, 0.7, 0.8]),
        ),
        None,
    )
    assert found.features == 2
    assert (found.cross, found.null, found.ceiling) == pytest.approx((0.55, 0.2, 0.75))
    assert found.excess == pytest.approx(0.35)
    assert found.value == pytest.approx(0.35 / 0.55)
    assert found.low is None


def test_no_value_where_the_ceiling_is_not_above_the_null():
    ones = np.ones(3)
    found = universality(Triple(ones * 0.5, ones * 0.8, ones * 0.8), None)
    assert found.value is None
    assert found.excess == pytest.approx(-0.3)


def resampled_room(rng, room, deviation):
    """1000 resamples in which the ceiling is so far above the null, on average and in spread."""
    cross, null = np.full((1000, 3), 0.5), np.full((1000, 3), 0.4)
    ceiling = null + rng.normal(room, deviation, (1000, 1))
    return Triple(cross[0], null[0], ceiling[0] * 0 + 0.4 + room), Triple(cross, null, ceiling)


@pytest.mark.parametrize(
    ("room", "deviation", "clear"),
    [
        (0.2, 0.02, True),
        (0.05, 0.01, True),
        (0.05, 0.03, False),  # 0 is within the interval
        (0.002, 0.0001, False),  # above 0, and yet nothing to divide by
        (0.0, 0.01, False),
        (-0.1, 0.01, False),
    ],
)
def test_there_is_a_value_where_the_ceiling_is_clearly_above_the_null(room, deviation, clear):
    found = universality(*resampled_room(np.random.default_rng(0), room, deviation))
    assert (found.value is not None) == clear
    assert (found.low is not None) == (found.high is not None) == clear
    assert (found.reason is None) == clear
    assert found.room == pytest.approx(room)
    low, high = found.intervals["room"]
    assert (low, high) == pytest.approx(
        (room - 1.96 * deviation, room + 1.96 * deviation), abs=0.01
    )
    if not clear:
        assert "the ceiling is not clearly above the null" in found.reason
        assert f"{low:.3f} to {high:.3f}" in found.reason
        assert found.excess == pytest.approx(0.1)


def test_features_that_few_resamples_have_give_no_value():
    """Two rare features: above the null in the whole, and nobody knows by how much."""
    cross, null, ceiling = (np.full((1000, 2), r) for r in (0.25, 0.07, 0.15))
    for r in (cross, null, ceiling):
        r[::3] = np.nan
    found = universality(Triple(cross[1], null[1], ceiling[1]), Triple(cross, null, ceiling))
    assert (found.value, found.low, found.high) == (None, None, None)
    assert "fire too seldom" in found.reason
    assert found.excess == pytest.approx(0.18)


def test_what_cannot_be_compared_says_why():
    nan, ones = np.full(3, np.nan), np.ones(3)
    assert "no feature" in universality(Triple(nan, nan, nan), None).reason
    assert "no second SAE" in universality(Triple(ones, ones * 0, nan), None).reason


def test_without_a_ceiling_there_is_still_an_excess():
    ones = np.ones((101, 3))
    resampled = Triple(ones * np.linspace(0.4, 0.6, 101)[:, None], ones * 0.1, ones * np.nan)
    found = universality(Triple(ones[0] * 0.5, ones[0] * 0.1, ones[0] * np.nan), resampled)
    assert found.value is None
    assert found.excess == pytest.approx(0.4)
    assert found.intervals["excess"] == pytest.approx((0.305, 0.495))
    assert found.intervals["ceiling"] is None


def test_interval_covers_what_resamples_say():
    cross = np.linspace(0.4, 0.6, 101)[:, None] * np.ones(3)
    null, ceiling = np.zeros((101, 3)), np.ones((101, 3))
    found = universality(Triple(cross[50], null[50], ceiling[50]), Triple(cross, null, ceiling))
    assert found.value == pytest.approx(0.5)
    assert (found.low, found.high) == pytest.approx((0.405, 0.595))
    assert found.intervals["cross"] == pytest.approx((0.405, 0.595))
