"""One pass over held-out activations: codes, quality, and the sums that the analysis is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from sae.activations.harvest import TokenRows
from sae.crosscoder.model import Crosscoder


@dataclass(frozen=True)
class CrosscoderQuality:
    """Figures of a crosscoder on held-out tokens, each encoded by itself.

    tokens: how many. l0: features active per token. dead: share of features that fire on none.
    explained_variance: of each agent, 1 - E|x - x'|^2 / Var x.
    """

    tokens: int
    l0: float
    dead: float
    explained_variance: dict[int, float]

    def as_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON."""
        explained = {str(agent): value for agent, value in self.explained_variance.items()}
        return {**vars(self), "explained_variance": explained}


@dataclass(frozen=True)
class Scatter:
    """Sums over tokens of products with each of F features, after means are taken out.

    activations: float64 [F, A, d], with the scaled activations. codes: float64 [F, F], with the
    features.
    """

    activations: NDArray[np.float64]
    codes: NDArray[np.float64]


@dataclass(frozen=True)
class Collected:
    """What a crosscoder makes of N held-out tokens.

    codes: CSR float32 [N, F]. quality: how good it is on them. overall, within: for the selection
    and the evaluation split of the quizzes, the scatter about the split's means, and about the
    means of strata of equal task, layout, position and last token read.
    """

    codes: sparse.csr_array
    quality: CrosscoderQuality
    overall: tuple[Scatter, Scatter]
    within: tuple[Scatter, Scatter]


def indicator(groups: NDArray[np.int64], size: int) -> sparse.csr_array:
    """CSR float64 [size, N] that adds up the rows of each group."""
    places = (groups, np.arange(len(groups)))
    return sparse.csr_array((np.ones(len(groups)), places), shape=(size, len(groups)))


def collect(crosscoder: Crosscoder, blocks: Iterable[Tensor], rows: TokenRows) -> Collected:
    """Encode blocks of activations float32 [n, A, d], which are the N rows in order."""
    meter, parts = _Meter(), []
    groups = rows.strata
    gather = indicator(2 * groups + rows.evaluation, 2 * (groups.max() + 1))
    products: list[Any] = [0.0, 0.0]
    totals: Any = 0.0
    start = 0
    for block in blocks:
        x = crosscoder.scaled(block)
        codes = crosscoder.encode(x)
        meter.add(x, crosscoder.decode(codes), codes)
        parts.append(sparse.csr_array(codes.cpu().numpy()))
        flat = x.flatten(1).cpu().numpy()
        part = slice(start, start + len(flat))
        start += len(flat)
        for split in (0, 1):
            mine = rows.evaluation[part] == bool(split)
            products[split] = products[split] + _product(parts[-1][mine], flat[mine])
        totals = totals + (gather[:, part] @ flat)
    if start != len(rows):
        raise ValueError(f"the blocks hold {start} tokens, but the rows are {len(rows)}")
    codes = sparse.vstack(parts, format="csr")
    shape = crosscoder.decoder.shape
    splits = [_split(codes, rows, gather, totals, products[h], h, shape) for h in (0, 1)]
    overall, within = zip(*splits, strict=True)
    return Collected(codes, meter.quality(crosscoder.agents), overall, within)


def _product(codes: sparse.csr_array, x: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(codes.astype(np.float64).T.tocsr() @ x.astype(np.float64))


def _split(
    codes: sparse.csr_array,
    rows: TokenRows,
    gather: sparse.csr_array,
    totals: NDArray[np.float64],
    product: NDArray[np.float64],
    split: int,
    shape: tuple[int, ...],
) -> tuple[Scatter, Scatter]:
    """The scatter of one split about its means, and about the means of its strata.

    totals: [2 * strata, A * d], sums of activations by stratum and split. product: [F, A * d].
    """
    members = codes[rows.evaluation == bool(split)].astype(np.float64)
    square = (members.T.tocsr() @ members).toarray()
    by_stratum, sums = (gather @ codes.astype(np.float64))[split::2], totals[split::2]
    counts = gather.sum(axis=1)[split::2]
    weights = np.divide(1.0, counts, out=np.zeros_like(counts), where=counts > 0)

    def about(sparse_sums: Any, dense_sums: Any, weight: Any) -> Scatter:
        scaled = sparse.dia_array((weight[None], [0]), shape=(len(weight), len(weight)))
        means = sparse_sums.T.tocsr() @ scaled
        activations = product - means @ dense_sums
        return Scatter(activations.reshape(shape), square - (means @ sparse_sums).toarray())

    everything = sparse.csr_array(by_stratum.sum(axis=0)[None])
    one = np.array([1 / max(counts.sum(), 1)])
    overall = about(everything, sums.sum(axis=0, keepdims=True), one)
    return overall, about(by_stratum, sums, weights)


class _Meter:
    """Sums behind the quality figures."""

    def __init__(self) -> None:
        self.tokens = 0
        self.firings: Tensor | float = 0.0
        self.residual: Tensor | float = 0.0
        self.squares: Tensor | float = 0.0
        self.total: Tensor | float = 0.0

    def add(self, x: Tensor, reconstruction: Tensor, codes: Tensor) -> None:
        """x, reconstruction: scaled [n, A, d]. codes: [n, F]."""
        self.tokens += len(x)
        self.firings = self.firings + (codes != 0).sum(dim=0)
        self.residual = self.residual + (x - reconstruction).double().pow(2).sum(dim=(0, 2))
        self.squares = self.squares + x.double().pow(2).sum(dim=(0, 2))
        self.total = self.total + x.double().sum(dim=0)

    def quality(self, agents: tuple[int, ...]) -> CrosscoderQuality:
        """The figures over everything added."""
        firings, total = torch.as_tensor(self.firings), torch.as_tensor(self.total)
        variance = self.squares - total.pow(2).sum(dim=-1) / self.tokens
        explained = (1 - self.residual / variance).tolist()
        return CrosscoderQuality(
            tokens=self.tokens,
            l0=float(firings.sum()) / self.tokens,
            dead=float((firings == 0).double().mean()),
            explained_variance=dict(zip(agents, explained, strict=True)),
        )
