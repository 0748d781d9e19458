"""All correlations between the features of two SAEs: sparse products against two dense ways.

numpy.corrcoef can only be asked for those of each SAE with itself too, four times as many.

Codes are random, with as many active features a token as the SAEs have. The floor is the
multiplications between active features, at the speed of a large matrix product in float64.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.measure import Row, matrix_flops, seconds
from sae.correlation import pearson

SIZES = {"default": (160_000, 512, 12), "wide": (40_000, 4096, 32)}
"""Tokens, features of each SAE, active features a token."""
QUICK = {"tiny": (2_000, 64, 4)}
DENSE_TOKENS = 20_000
"""Tokens that the dense ways get; their time is proportional to tokens."""
CHUNK = 4096


def rows(quick: bool) -> Iterator[Row]:
    """Tokens a second of correlating every feature with every other."""
    for name, size in (QUICK if quick else SIZES).items():
        yield from _rows(name, *size)


def _rows(name: str, tokens: int, features: int, active: int) -> Iterator[Row]:
    rng = np.random.default_rng(0)
    x, y = (random_codes(rng, tokens, features, active) for _ in range(2))
    sparsely = tokens / seconds(lambda: pearson(x, y), 2)
    few = min(tokens, DENSE_TOKENS)
    left, right = x[:few].toarray(), y[:few].toarray()
    dense = {
        "numpy.corrcoef": few / seconds(lambda: np.corrcoef(left.T, right.T), 2),
        "dense, streaming, float32": few / seconds(lambda: streaming(left, right), 2),
    }
    floor = matrix_flops(torch.float64) / (2 * active**2)
    for baseline, rate in dense.items():
        yield Row(
            "correlation",
            f"{name}: {features} x {features} features, {active} active",
            sparsely,
            "tokens/s",
            baseline,
            rate,
            floor,
            f"{2 * active**2} FLOP a token",
        )


def random_codes(
    rng: np.random.Generator, tokens: int, features: int, active: int
) -> sparse.csr_array:
    """Codes float32 [tokens, features] with ``active`` entries a row, as BatchTopK leaves them."""
    columns = rng.integers(features, size=(tokens, active))
    rows = np.repeat(np.arange(tokens), active)
    values = rng.exponential(size=rows.size).astype(np.float32)
    return sparse.csr_array((values, (rows, columns.ravel())), shape=(tokens, features))


def streaming(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float64]:
    """Pearson's r from dense float32 products over chunks of tokens, as most tools do it."""
    products = np.zeros((x.shape[1], y.shape[1]))
    sums = [np.zeros(z.shape[1]) for z in (x, y)]
    squares = [np.zeros(z.shape[1]) for z in (x, y)]
    for start in range(0, len(x), CHUNK):
        parts = x[start : start + CHUNK], y[start : start + CHUNK]
        products += parts[0].T @ parts[1]
        for i, part in enumerate(parts):
            sums[i] += part.sum(axis=0)
            squares[i] += (part**2).sum(axis=0)
    means = [total / len(x) for total in sums]
    deviations = [np.sqrt(s / len(x) - m**2) for s, m in zip(squares, means, strict=True)]
    covariance = products / len(x) - np.outer(*means)
    return np.asarray(covariance / np.outer(*deviations))
