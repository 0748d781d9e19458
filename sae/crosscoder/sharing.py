"""How each feature of a crosscoder is spread over agents, by the lengths of its decoders."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from sae.crosscoder.collect import indicator
from sae.crosscoder.model import Crosscoder

UNIQUE, PARTIAL, SHARED = "unique", "partial", "shared"
"""Carried by one agent, by some, by all."""


def sharing_table(crosscoder: Crosscoder, carried: float) -> pd.DataFrame:
    """One row per feature.

    Columns: ``feature``; ``share_<agent>``, that agent's part of the summed decoder lengths, which
    add up to 1; ``carriers``, how many agents have a decoder longer than ``carried`` times the
    longest; ``sharing``; ``owner``, the agent of the longest.
    """
    lengths = crosscoder.decoder.norm(dim=-1).double().cpu().numpy()
    shares = lengths / lengths.sum(axis=1, keepdims=True)
    carriers = (lengths > carried * lengths.max(axis=1, keepdims=True)).sum(axis=1)
    names = crosscoder.agents
    rest = np.where(carriers == len(names), SHARED, PARTIAL)
    return pd.DataFrame(
        {
            "feature": np.arange(len(lengths)),
            **{f"share_{name}": shares[:, place] for place, name in enumerate(names)},
            "carriers": carriers,
            "sharing": np.where(carriers == 1, UNIQUE, rest),
            "owner": np.array(names)[lengths.argmax(axis=1)],
        }
    )


def cell_share(codes: sparse.csr_array, groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """float64 [F]: the correlation of a feature with itself at another token of the same cell.

    The intraclass correlation: 1 where the cell decides what the feature does, 0 where it says
    nothing. codes: [N, F]. groups: [N]; rows alone in their cell are left out.
    """
    counts = np.bincount(groups)
    kept = counts[groups] > 1
    if not kept.any():
        return np.full(codes.shape[1], np.nan)
    values, gather = codes[kept].astype(np.float64), indicator(groups[kept], len(counts))
    sums, squares = gather @ values, gather @ values.power(2)
    # The mean over rows of f times the mean of f over the others of the cell.
    others = np.maximum(counts - 1, 1)
    products = (sums.power(2) - squares).multiply(1 / others[:, None]).sum(axis=0) / kept.sum()
    mean, square = values.sum(axis=0) / kept.sum(), squares.sum(axis=0) / kept.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((products - mean**2) / (square - mean**2))
