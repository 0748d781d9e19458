"""What a feature writes towards: the token values that its direction promotes and suppresses."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from agents.model import AgentModel

RESIDUAL = ("hook_resid_pre", "hook_resid_mid", "hook_resid_post")
"""Sites whose directions the unembedding can read."""


def logit_weights(model: AgentModel, site: str, decoder: Tensor) -> NDArray[np.float32] | None:
    """float32 [F, V]: what one unit of each feature adds to the logit of each token value.

    Rows of the decoder [F, d] go through the scale of the final norm (and the centring of a
    LayerNorm) and the unembedding, and have their mean over values taken out, since a softmax does
    not see it. What later blocks make of the feature, and that the norm divides by the length of
    the whole stream, is ignored. None at sites that are not the residual stream.
    """
    if site.rpartition(".")[2] not in RESIDUAL:
        return None
    with torch.no_grad():
        readout = model.unembed.weight.double()
        direction = decoder.to(readout.device).double()
        if isinstance(model.ln_final, nn.LayerNorm):
            direction = direction - direction.mean(dim=1, keepdim=True)
        scale = getattr(model.ln_final, "weight", None)
        if scale is not None:
            direction = direction * scale.double()
        logits = direction @ readout.T
        return (logits - logits.mean(dim=1, keepdim=True)).float().cpu().numpy()
