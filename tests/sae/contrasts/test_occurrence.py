"""Which features fire more in a group of quizzes: those that were planted, and no others."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from sae.contrasts.occurrence import LEAST_QUIZZES, firing_shares, occurrence
from sae.statistics.false_discovery import false_discovery


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
    q = false_discovery(table.p.to_numpy())
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


def strata_of(*counts):
    """int64 [Q]: of each stratum as many quizzes as are given."""
    return np.arange(len(counts)).repeat(counts)


@pytest.mark.parametrize(
    ("one", "other", "rates"),
    [
        ((180, 20), (20, 180), (0.1, 0.3)),
        ((180, 20), (20, 180), (0.3, 0.1)),
        # What varies most is of one group rarely and of the other often.
        ((180, 20), (100, 100), (0.3, 0.02)),
        ((100, 60, 40, 20, 10, 6, 4, 2), (2, 4, 6, 10, 20, 40, 60, 100), np.linspace(0.05, 0.4, 8)),
    ],
)
def test_another_mixture_of_strata_is_no_difference(one, other, rates):
    rng, features = np.random.default_rng(0), 3000
    strata = strata_of(*one), strata_of(*other)
    expected = [np.array(rates)[stratum][:, None] for stratum in strata]
    groups = [rng.binomial(40, rate, size=(len(rate), features)) / 40 for rate in expected]
    table = occurrence(*groups, *strata)
    assert abs((table.p < 0.05).mean() - 0.05) < 0.02
    assert (table.p < 0.001).mean() < 0.003
    assert abs(table.difference.mean()) < 0.001
    # Unmatched, they do differ.
    together = occurrence(*groups, *(np.zeros_like(stratum) for stratum in strata))
    assert (together.p < 0.05).mean() > 0.9


@pytest.mark.parametrize("rates", [(0.002, 0.002), (0.0005, 0.1)])
@pytest.mark.parametrize("spread", [(2, 2), (2, 8), (8, 2)])
def test_rare_features_and_unlike_spread_are_no_difference(rates, spread):
    """Few quizzes on which a feature fires, and at times on all of their tokens."""
    rng = np.random.default_rng(0)
    strata = strata_of(200, 60), strata_of(400, 400)
    groups = []
    for stratum, each in zip(strata, spread, strict=True):
        rate = np.broadcast_to(np.array(rates)[stratum][:, None], (len(stratum), 2000))
        groups.append(rng.binomial(40, rng.beta(each * rate, each * (1 - rate))) / 40)
    p = occurrence(*groups, *strata).p.dropna()
    assert len(p) > 50
    assert (p < 0.05).mean() < 0.07


def test_shares_difference_and_p_are_of_one_estimate():
    """Group one fires more in the stratum that both have much of, less in those of one group."""
    one, other = strata_of(500, 100, 10), strata_of(10, 100, 500)
    shift = np.array([-0.05, 0.05, -0.05])
    rng = np.random.default_rng(0)
    groups = [
        rng.binomial(40, 0.3 + shift[one] / 2) / 40,
        rng.binomial(40, 0.3 - shift[other] / 2) / 40,
    ]
    table = occurrence(*(group[:, None] for group in groups), one, other)
    weight = np.array([500 * 10 / 510, 50, 500 * 10 / 510])
    means = [
        [group[stratum == each].mean() for each in range(3)]
        for group, stratum in zip(groups, (one, other), strict=True)
    ]
    assert table.share[0] == pytest.approx(np.average(means[0], weights=weight))
    assert table.share_other[0] == pytest.approx(np.average(means[1], weights=weight))
    assert table.difference[0] == pytest.approx(table.share[0] - table.share_other[0])
    assert table.difference[0] > 0
    assert table.p[0] < 0.05


def test_quizzes_without_a_counterpart_are_counted_and_not_compared():
    ones, zeros = np.ones((20, 1)), np.zeros((20, 1))
    ones[::4] = 0.0
    table = occurrence(ones, zeros, np.arange(20) % 2, np.zeros(20, np.int64))
    assert (table.share[0], table.share_other[0]) == (0.5, 0.0)
    assert (table.quizzes[0], table.quizzes_other[0]) == (15, 0)
    # It fires there, though not where the two are compared.
    table = occurrence(zeros, ones, np.zeros(20, np.int64), np.arange(20) % 4)
    assert (table.share_other[0], table.quizzes_other[0]) == (0.0, 15)


@pytest.mark.parametrize("stratum", [np.zeros(0, np.int64), np.ones(20, np.int64), np.arange(20)])
def test_groups_that_cannot_be_compared_have_no_figures(stratum):
    other = np.arange(20) if len(set(stratum)) > 1 else np.zeros(20, np.int64)
    table = occurrence(np.full((len(stratum), 2), 0.5), np.full((20, 2), 0.25), stratum, other)
    assert table[["share", "share_other", "difference", "p"]].isna().all(axis=None)
    assert (table.quizzes == len(stratum)).all()
    assert (table.quizzes_other == 20).all()


def test_what_never_varies_is_not_tested():
    """A mean of equal numbers differs from them by its rounding, which is no evidence."""
    one, other = strata_of(70, 11), strata_of(13, 90)
    shares = [np.array([0.1, 1 / 3])[stratum][:, None] for stratum in (one, other)]
    assert np.isnan(occurrence(*shares, one, other).p[0])
