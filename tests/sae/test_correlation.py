"""Pearson's r from sparse products against NumPy's own, and what has no correlation at all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from sae.correlation import feature_moments, pearson


def codes(rng, tokens, features, density, scale=1.0):
    values = rng.exponential(scale, (tokens, features)) * (rng.random((tokens, features)) < density)
    return values.astype(np.float32)


@settings(deadline=None, max_examples=20)
@given(
    seed=st.integers(0, 2**32 - 1),
    tokens=st.integers(3, 300),
    density=st.floats(0.05, 1.0),
    scale=st.sampled_from([1e-3, 1.0, 1e3]),
    chunk=st.sampled_from([1, 7, 64, 1000]),
)
def test_equals_numpy(seed, tokens, density, scale, chunk):
    rng = np.random.default_rng(seed)
    x, y = codes(rng, tokens, 5, density, scale), codes(rng, tokens, 4, density)
    found = pearson(sparse.csr_array(x), sparse.csr_array(y), chunk)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.corrcoef(x.T.astype(np.float64), y.T.astype(np.float64))[:5, 5:]
    varies = (np.ptp(x, axis=0) > 0)[:, None] & (np.ptp(y, axis=0) > 0)
    np.testing.assert_allclose(found[varies], expected[varies], rtol=0, atol=1e-6)
    assert np.isnan(found[~varies]).all()


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


def test_feature_that_varies_in_one_chunk_only():
    x = np.zeros((100, 1), np.float32)
    x[3] = 2.0
    r = pearson(sparse.csr_array(x), sparse.csr_array(x), chunk=10)
    assert r[0, 0] == pytest.approx(1.0)


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
