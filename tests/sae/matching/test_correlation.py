"""Pearson's r from sparse products against NumPy's own, and what has no correlation at all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from sae.matching.correlation import (
    TILE,
    correlation,
    feature_moments,
    make_codes,
    paired_correlation,
    pearson,
)
from sae.matching.dense import dense_products
from sae.matching.search import search


def codes(rng, tokens, features, density, scale=1.0):
    values = rng.exponential(scale, (tokens, features)) * (rng.random((tokens, features)) < density)
    return values.astype(np.float32)


@settings(deadline=None, max_examples=20)
@given(
    seed=st.integers(0, 2**32 - 1),
    tokens=st.integers(3, 300),
    density=st.floats(0.05, 1.0),
    scale=st.sampled_from([1e-3, 1.0, 1e3]),
    dense=st.booleans(),
)
def test_equals_numpy(seed, tokens, density, scale, dense):
    rng = np.random.default_rng(seed)
    x, y = codes(rng, tokens, 5, density, scale), codes(rng, tokens, 4, density)
    a, b = (make_codes(sparse.csr_array(values)) for values in (x, y))
    found = from_tiles(a, b, dense_products(a, b, "cpu")) if dense else correlation(a, b)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.corrcoef(x.T.astype(np.float64), y.T.astype(np.float64))[:5, 5:]
    varies = (np.ptp(x, axis=0) > 0)[:, None] & (np.ptp(y, axis=0) > 0)
    # Single precision, made worse where a feature varies little beside its mean.
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = [np.sqrt((v.astype(np.float64) ** 2).mean(axis=0)) / v.std(axis=0) for v in (x, y)]
    error = np.abs(found - expected)
    assert (error <= 1e-6 * np.outer(*spread))[varies].all()
    assert np.isnan(found[~varies]).all()


def from_tiles(x, y, tiles):
    """Pearson's r from sums of products, whoever formed them."""
    products = np.zeros((x.size, y.size))
    for i, j, tile in tiles:
        products[i : i + tile.shape[0], j : j + tile.shape[1]] = tile
    m, n = x.moments, y.moments
    covariance = products / m.tokens - np.outer(m.mean, n.mean)
    return covariance / np.outer(m.deviation, n.deviation)


def test_tiles_cover_more_features_than_one_holds():
    rng = np.random.default_rng(3)
    x, y = codes(rng, 400, TILE + 30, 0.1), codes(rng, 400, 2 * TILE + 5, 0.1)
    a, b = (make_codes(sparse.csr_array(values)) for values in (x, y))
    expected = np.corrcoef(x.T.astype(np.float64), y.T.astype(np.float64))[: a.size, a.size :]
    varies = np.isfinite(expected)
    assert varies.mean() > 0.99
    np.testing.assert_allclose(correlation(a, b)[varies], expected[varies], rtol=0, atol=1e-9)
    forward, backward = search(a, b)
    filled = np.where(varies, expected, -np.inf)
    order = np.argsort(-filled, axis=1)
    assert (forward.column == order[:, 0]).all()
    assert (forward.second == order[:, 1]).all()
    columns = np.argsort(-filled, axis=0)
    assert (backward.column == columns[0]).all()
    assert (backward.second == columns[1]).all()
    np.testing.assert_allclose(forward.r, filled.max(axis=1), atol=1e-9)
    np.testing.assert_allclose(backward.r, filled.max(axis=0), atol=1e-9)
    np.testing.assert_allclose(
        paired_correlation(a, b, forward.second), filled[np.arange(a.size), order[:, 1]], atol=1e-9
    )


def test_dense_and_sparse_products_are_chosen_by_density():
    rng = np.random.default_rng(4)
    for density in (0.05, 0.9):
        x, y = (make_codes(sparse.csr_array(codes(rng, 300, 7, density))) for _ in range(2))
        r = correlation(x, y)
        for found, rows in zip(search(x, y), (r, r.T), strict=True):
            order = np.argsort(-rows, axis=1)
            assert (found.column == order[:, 0]).all()
            assert (found.second == order[:, 1]).all()
            np.testing.assert_allclose(found.r, rows.max(axis=1), atol=1e-6)


def test_a_single_feature_leaves_no_second():
    rng = np.random.default_rng(7)
    x, y = (make_codes(sparse.csr_array(codes(rng, 100, size, 0.4))) for size in (1, 3))
    forward, backward = search(x, y)
    assert forward.second.tolist() != [-1]
    assert backward.second.tolist() == [-1, -1, -1]


def test_a_feature_without_variance_has_no_match():
    rng = np.random.default_rng(5)
    x = codes(rng, 100, 3, 0.4)
    x[:, 1] = 0
    found, back = search(*(make_codes(sparse.csr_array(values)) for values in (x, x)))
    assert found.column.tolist() == back.column.tolist() == [0, -1, 2]
    assert np.isnan(found.r[1])


def test_permuted_codes_are_those_of_permuted_rows():
    rng = np.random.default_rng(6)
    x, y = codes(rng, 80, 5, 0.4), codes(rng, 80, 5, 0.4)
    order = rng.permutation(80)
    a, b = (make_codes(sparse.csr_array(values)) for values in (x, y))
    expected = pearson(sparse.csr_array(x), sparse.csr_array(y[order]))
    np.testing.assert_allclose(correlation(a, b.permuted(order)), expected, atol=1e-12)


def test_dense_data_with_offset():
    rng = np.random.default_rng(0)
    x = (rng.normal(50, 1, (20_000, 6))).astype(np.float32)
    y = (x @ rng.normal(size=(6, 8)) + rng.normal(size=(20_000, 8))).astype(np.float32)
    expected = np.corrcoef(x.T.astype(np.float64), y.T.astype(np.float64))[:6, 6:]
    found = pearson(sparse.csr_array(x), sparse.csr_array(y))
    assert np.abs(found - expected).max() < 1e-6


def test_dead_and_constant_features_are_undefined():
    rng = np.random.default_rng(1)
    x = codes(rng, 500, 4, 0.3)
    x[:, 1] = 0
    x[:, 2] = 0.1
    r = pearson(sparse.csr_array(x), sparse.csr_array(x))
    assert np.isnan(r[[1, 2]]).all()
    assert np.isnan(r[:, [1, 2]]).all()
    np.testing.assert_allclose(r[[0, 3], [0, 3]], 1.0, atol=1e-12)


def test_firings_count_what_is_not_zero():
    stored_zero = sparse.csr_array(
        (np.array([0.0, 2.0], np.float32), np.array([0, 1]), np.array([0, 1, 2])), shape=(2, 2)
    )
    assert feature_moments(stored_zero).firings.tolist() == [0, 1]


def test_refuses_other_tokens_and_broken_values():
    x = sparse.csr_array(np.ones((3, 2), np.float32))
    with pytest.raises(ValueError, match="same tokens, got 3 and 4"):
        pearson(x, sparse.csr_array(np.ones((4, 2), np.float32)))
    with pytest.raises(ValueError, match="not finite"):
        feature_moments(sparse.csr_array(np.array([[np.nan]], np.float32)))
