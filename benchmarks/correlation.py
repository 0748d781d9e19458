"""The best match of every feature among another SAE's: sparse products against other ways.

All correlations are formed, and none but the best are kept. numpy.corrcoef can only be asked for
those of each SAE with itself too, four times as many; at the greatest width its answer alone takes
8 GiB, so it is left out there.

Codes are random, with as many active features a token as the SAEs have. The floor is the
multiplications between active features, at the speed of a large matrix product in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.measure import Row, matrix_flops, seconds
from sae.matching.correlation import make_codes
from sae.matching.search import search


@dataclass(frozen=True)
class Size:
    """tokens, features of each SAE, active ones a token. few: tokens that other ways get, whose
    time is proportional to tokens. repeats: measurements of which the best counts."""

    tokens: int
    features: int
    active: int
    few: int
    repeats: int = 2


SIZES = {
    "default": Size(160_000, 512, 12, 20_000),
    "wide": Size(40_000, 4096, 32, 20_000),
    "widest": Size(1_000_000, 16_384, 32, 8_192, repeats=1),
}
QUICK = {"tiny": Size(2_000, 64, 4, 2_000)}
MOST_SQUARE = 4096
"""Features up to which numpy.corrcoef is asked."""
CHUNK = 4096


def rows(quick: bool) -> Iterator[Row]:
    """Tokens a second of correlating every feature with every other."""
    for name, size in (QUICK if quick else SIZES).items():
        yield from _rows(name, size)


def _rows(name: str, size: Size) -> Iterator[Row]:
    rng = np.random.default_rng(0)
    x, y = (random_codes(rng, size.tokens, size.features, size.active) for _ in range(2))
    rate = size.tokens / seconds(lambda: search(make_codes(x), make_codes(y)), size.repeats)
    floor = matrix_flops(torch.float64) / (2 * size.active**2)
    for baseline, way in _other_ways(x[: size.few], y[: size.few]).items():
        yield Row(
            "correlation",
            f"{name}: {size.features} x {size.features} features, {size.active} active",
            rate,
            "tokens/s",
            baseline,
            min(size.tokens, size.few) / seconds(way, size.repeats),
            floor,
            f"{2 * size.active**2} FLOP a token",
        )


def _other_ways(x: sparse.csr_array, y: sparse.csr_array) -> dict[str, Callable[[], object]]:
    left, right = x.toarray(), y.toarray()
    ways: dict[str, Callable[[], object]] = {
        "dense, streaming, float32": lambda: streaming(left, right),
        "SciPy's sparse product": lambda: (x.T.tocsr() @ y).toarray(),
    }
    if x.shape[1] <= MOST_SQUARE:
        ways["numpy.corrcoef"] = lambda: np.corrcoef(left.T, right.T)
    return ways


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
