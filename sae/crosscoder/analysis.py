"""What a crosscoder says of its agents: which features they share, which are truly one's own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from torch import Tensor

from sae.activations.harvest import TokenRows
from sae.crosscoder.collect import CrosscoderQuality, collect
from sae.crosscoder.config import CrosscoderConfig
from sae.crosscoder.model import Crosscoder
from sae.crosscoder.scaling import latent_scaling
from sae.crosscoder.sharing import PARTIAL, SHARED, UNIQUE, cell_share, sharing_table


@dataclass(frozen=True)
class CrosscoderAnalysis:
    """A crosscoder's features on N held-out tokens.

    quality: reconstruction and sparsity. features: one row per feature (see ``analyse``).
    scaling: one row per feature and agent (see ``latent_scaling``). codes: CSR [N, F].
    """

    quality: CrosscoderQuality
    features: pd.DataFrame
    scaling: pd.DataFrame
    codes: sparse.csr_array

    def summary(self) -> dict[str, Any]:
        """The headline figures in plain types: counts of judged features."""
        judged = self.features[self.features.judged]
        kinds = judged.sharing.value_counts()
        carriers = judged.carriers.value_counts().sort_index()
        unique = judged[judged.sharing == UNIQUE]
        return {
            **self.quality.as_dict(),
            "features": len(self.features),
            "judged": len(judged),
            **{kind: int(kinds.get(kind, 0)) for kind in (SHARED, PARTIAL, UNIQUE)},
            "by_carriers": {str(count): int(n) for count, n in carriers.items()},
            "unique_by_owner": {str(a): int(n) for a, n in unique.owner.value_counts().items()},
            "exclusive": int(unique.exclusive.sum()),
            "exclusive_within": int(unique.exclusive_within.sum()),
            "cell_share": {
                kind: float(judged.cell_share[judged.sharing == kind].median())
                for kind in (SHARED, PARTIAL, UNIQUE)
            },
        }


def analyse(
    crosscoder: Crosscoder, blocks: Iterable[Tensor], rows: TokenRows, config: CrosscoderConfig
) -> CrosscoderAnalysis:
    """Judge a crosscoder's features on blocks of activations [n, A, d], the rows in order.

    The table of features has the columns of ``sharing_table`` and ``firings``, held-out tokens on
    which a feature fires; ``judged``, whether these are enough; ``cell_share``, how far task,
    layout, position and token decide it; ``exclusive``, True for a unique feature of which
    latent scaling finds next to nothing in any other agent; ``exclusive_within``, the same of what
    the cell does not explain.
    """
    collected = collect(crosscoder, blocks, rows)
    scaling = latent_scaling(crosscoder, collected)
    table = sharing_table(crosscoder, config.carried)
    table["firings"] = np.bincount(collected.codes.indices, minlength=len(table))
    table["judged"] = table.firings >= config.min_firings
    table["cell_share"] = cell_share(collected.codes, rows.strata)
    for suffix in ("", "_within"):
        absent = _absent(scaling, suffix, config)
        table[f"exclusive{suffix}"] = (table.sharing == UNIQUE) & table.judged & absent
    return CrosscoderAnalysis(collected.quality, table, scaling, collected.codes)


def _absent(scaling: pd.DataFrame, suffix: str, config: CrosscoderConfig) -> pd.Series[bool]:
    """By feature, whether every agent but its owner is below both limits; NaN is below none."""
    others = scaling[scaling.agent != scaling.owner]
    low = (others[f"error{suffix}"] < config.exclusive_error) & (
        others[f"reconstruction{suffix}"] < config.exclusive_reconstruction
    )
    return low.groupby(others.feature).all()
