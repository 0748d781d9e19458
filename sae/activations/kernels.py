"""Dense codes made sparse in one pass, compiled by Numba."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sae.compiling import compiler

compiled = compiler()


def compress(dense: NDArray[np.float32]) -> sparse.csr_array:
    """The entries of float32 [n, F] that are not zero, NaN among them."""
    start = np.zeros(len(dense) + 1, dtype=np.int32)
    feature = np.empty(dense.size, dtype=np.int32)
    value = np.empty(dense.size, dtype=np.float32)
    count = find_nonzero(dense, start, feature, value)
    held = feature[:count].copy(), start
    return sparse.csr_array((value[:count].copy(), *held), shape=dense.shape)


@compiled
def find_nonzero(dense, start, feature, value):  # type: ignore[no-untyped-def]
    """Fill the arrays of a CSR matrix from dense [n, F]; returns how many entries there are.

    start: int32 [n + 1], zeros. feature int32 and value float32 [n * F]: written at the front.
    """
    count = 0
    for row in range(dense.shape[0]):
        for column in range(dense.shape[1]):
            # Written always and kept if it counts: cheaper than a branch that cannot be foretold.
            feature[count] = column
            value[count] = dense[row, column]
            count += dense[row, column] != 0
        start[row + 1] = count
    return count
