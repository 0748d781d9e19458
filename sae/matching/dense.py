"""Sums of products of codes by dense matrix products, for devices that are good at nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from sae.matching.correlation import Codes

ROWS = 8192
"""Tokens in one matrix product."""
WIDTH = 4096
"""Features of either side in one."""


@torch.no_grad()
def dense_products(
    x: Codes, y: Codes, device: str
) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
    """As ``tile_products``: first feature of x, first of y, float64 [w, v] sums of products.

    Products of ROWS tokens are formed in float32 and added in float64: relative error about 1e-6
    of the sum of absolute products, on a GPU only ``without_tf32``.
    """
    for i in range(0, x.size, WIDTH):
        for j in range(0, y.size, WIDTH):
            yield i, j, _tile(x.values, y.values, i, j, device)


@contextmanager
def without_tf32() -> Iterator[None]:
    """Full float32 in a GPU's matrix products. The setting is the whole process's: enter this
    before there are threads."""
    allowed = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = allowed


def _tile(
    x: sparse.csr_array, y: sparse.csr_array, i: int, j: int, device: str
) -> NDArray[np.float64]:
    total: Tensor | None = None
    for start in range(0, x.shape[0], ROWS):
        rows = slice(start, start + ROWS)
        left, right = dense_rows(x[rows], i, device), dense_rows(y[rows], j, device)
        part = (left.T @ right).double()
        total = part if total is None else total + part
    return total.cpu().numpy() if total is not None else np.zeros((0, 0))


def dense_rows(rows: sparse.csr_array, first: int, device: str) -> Tensor:
    """float32 [n, <= WIDTH]: features ``first`` onwards of some rows."""
    if device == "cpu":
        some = rows if rows.shape[1] <= WIDTH else rows[:, first : first + WIDTH]
        return torch.from_numpy(some.toarray()).float()
    start, feature, value = (
        torch.from_numpy(a).to(device) for a in (rows.indptr, rows.indices, rows.data)
    )
    row = torch.repeat_interleave(torch.arange(rows.shape[0], device=device), start.diff())
    width = min(WIDTH, rows.shape[1] - first)
    inside = (feature >= first) & (feature < first + width)
    dense = torch.zeros((rows.shape[0], width), device=device)
    dense[row[inside], feature[inside].long() - first] = value[inside].float()
    return dense
