"""Correlating all features of two SAEs: sparse products against dense ones, seconds each.

Run: python benchmarks/correlation.py [tokens] [features] [active features a token]
"""

from __future__ import annotations

import sys
import time

import numpy as np
from scipy import sparse

from sae.correlation import pearson


def random_codes(
    rng: np.random.Generator, tokens: int, features: int, active: int
) -> sparse.csr_array:
    """Codes float32 [tokens, features] with ``active`` entries a row, as BatchTopK leaves them."""
    columns = rng.integers(features, size=(tokens, active))
    rows = np.repeat(np.arange(tokens), active)
    values = rng.exponential(size=rows.size).astype(np.float32)
    return sparse.csr_array((values, (rows, columns.ravel())), shape=(tokens, features))


def main() -> None:
    """Time both ways and compare their results."""
    given = [int(argument) for argument in sys.argv[1:]]
    tokens, features, active = given + [230_400, 512, 12][len(given) :]
    rng = np.random.default_rng(0)
    x, y = (random_codes(rng, tokens, features, active) for _ in range(2))
    began = time.perf_counter()
    r = pearson(x, y)
    spent = time.perf_counter() - began
    print(f"sparse  {tokens} tokens, {features} x {features} features: {spent:.2f} s")
    dense = min(tokens, 50_000)
    left, right = (m[:dense].toarray().astype(np.float64).T for m in (x, y))
    began = time.perf_counter()
    expected = np.corrcoef(left, right)[:features, features:]
    spent = (time.perf_counter() - began) * tokens / dense
    print(f"dense   the same, from {dense} tokens: {spent:.2f} s")
    difference = np.abs(pearson(x[:dense], y[:dense]) - expected).max()
    print(f"largest difference of r: {difference:.1e}; highest r by chance: {r.max():.3f}")


if __name__ == "__main__":
    main()
