"""Where the heads of an agent look."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from agents.model import AgentModel


def attention_patterns(
    model: AgentModel, tokens: Int[Tensor, "B T"]
) -> Float[NDArray[np.float32], "B layer head query key"]:
    """float32 attention weights of every head, which sum to 1 over the keys; no dropout.

    Keys and queries are positions as in ``agents.hooks``: key t stands for what was read up to
    tokens[:, t - 1], so the key at which token t itself was read is t + 1.
    """
    sites = [f"blocks.{layer}.attn.hook_pattern" for layer in range(model.n_layers)]
    patterns = model.capture(tokens, sites)
    return np.stack([patterns[site].float().cpu().numpy() for site in sites], axis=1)
