"""Sparse codes of dense ones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from sae.activations.kernels import compress


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_sparse_codes_are_those_of_scipy(share):
    rng = np.random.default_rng(0)
    dense = (rng.normal(size=(57, 33)) * (rng.random((57, 33)) < share)).astype(np.float32)
    found, expected = compress(dense), sparse.csr_array(dense)
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    for name in ("indptr", "indices", "data"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_what_is_not_a_number_is_not_lost():
    dense = np.array([[0, np.nan], [np.inf, 0]], dtype=np.float32)
    np.testing.assert_array_equal(compress(dense).toarray(), dense)
