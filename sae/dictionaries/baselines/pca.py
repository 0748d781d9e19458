"""Principal components of the activations, each as two features: its positive and negative part.

They are the best dictionary of few directions for the variance, found without any training.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from sae.activations.harvest import TokenRows
from sae.activations.kernels import compress
from sae.dictionaries.baselines import SiteBaseline, baselines

MOST = 64
"""Components at the most, those of the greatest variance."""


class PrincipalComponents(SiteBaseline):
    """Components fitted on the selection split."""

    def codes_of(self, x: Tensor, rows: TokenRows) -> sparse.csr_array:
        """float32 [N, 2 x components]: positive parts, then negative ones."""
        x = x.double()
        chosen = x[torch.from_numpy(np.flatnonzero(~rows.evaluation)).to(x.device)]
        mean = chosen.mean(dim=0)
        _, vectors = torch.linalg.eigh(torch.cov((chosen - mean).T))
        # Eigenvalues ascend.
        z = ((x - mean) @ vectors.flip(1)[:, :MOST]).float()
        return compress(torch.cat([z.relu(), (-z).relu()], dim=1).cpu().numpy())


baselines.register("pca")(PrincipalComponents())
