"""Latent scaling: is what a feature stands for really missing in the agents that do not carry it?

A decoder of length 0 need not mean that. The feature may have been shrunk away, and what it
stands for be left in the error ("complete shrinkage"); or other features may give it together
("latent decoupling"). Minder et al. (2025) find both by regressing what is left over, and what is
reconstructed, on the feature's contribution.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sae.crosscoder.collect import Collected, Scatter
from sae.crosscoder.model import Crosscoder

Array = NDArray[np.float64]


def latent_scaling(crosscoder: Crosscoder, collected: Collected) -> pd.DataFrame:
    """One row per feature and agent: coefficients relative to the feature's owner.

    Columns ``error`` and ``reconstruction`` are from regressions with an intercept,
    ``error_within`` and ``reconstruction_within`` with one for each cell of equal task, layout,
    position and token: of what these do not explain. 0: the agent has nothing of the feature; 1: as
    much as its owner, the agent in which its decoder is longest. NaN where nothing can be said.
    """
    decoder = crosscoder.decoder.double().cpu().numpy()
    features, agents, _ = decoder.shape
    owner = np.linalg.norm(decoder, axis=2).argmax(axis=1)
    names = np.array(crosscoder.agents)
    columns = {
        "feature": np.repeat(np.arange(features), agents),
        "agent": np.tile(names, features),
        "owner": np.repeat(names[owner], agents),
    }
    for suffix, splits in (("", collected.overall), ("_within", collected.within)):
        chosen, evaluation = (_targets(split, decoder) for split in splits)
        power = np.diag(splits[1].codes)
        for name, left, right in zip(("error", "reconstruction"), chosen, evaluation, strict=True):
            relative = _relative(_coefficients(left, right, power), owner)
            columns[f"{name}{suffix}"] = relative.ravel()
    return pd.DataFrame(columns)


def _targets(scatter: Scatter, decoder: Array) -> tuple[Array, Array]:
    """Scatter [F, A, d] of each feature with its two targets in each agent.

    The error is what the agent's reconstruction lacks, the feature's own contribution put back
    to it: x - x' + f_j W_j. The reconstruction is x' as it is, of all features.
    """
    reconstructed = np.tensordot(scatter.codes, decoder, axes=1)
    contribution = np.diag(scatter.codes)[:, None, None] * decoder
    return scatter.activations - reconstructed + contribution, reconstructed


def _coefficients(chosen: Array, evaluation: Array, power: Array) -> Array:
    """beta [F, A]: the least-squares coefficient of f_j u on the evaluation split.

    u: the direction [d] in which f_j best explains the target on the other split. Agents share
    no basis, so that, unlike for a model and its fine-tuned copy, the owner's decoder is no
    direction of another agent; one that is only noise gives a beta of 0 on average.
    power: [F], sum of f_j^2 on the evaluation split.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        direction = chosen / np.linalg.norm(chosen, axis=2, keepdims=True)
        return np.asarray((direction * evaluation).sum(axis=2) / power[:, None])


def _relative(beta: Array, owner: NDArray[np.intp]) -> Array:
    """Beta [F, A] over the owner's; NaN where the owner itself has none to speak of."""
    of_owner = np.take_along_axis(beta, owner[:, None], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(of_owner > 0, beta / of_owner, np.nan)
