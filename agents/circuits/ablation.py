"""What the answers lose when what a site carries is taken away: replaced by zero, or its mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

from agents.circuits.downstream import BATCH_SIZE, Downstream, Grades
from agents.hooks import Change, intervene
from agents.model import AgentModel
from world import QuizBatch


def mean_activations(
    model: AgentModel,
    batch: QuizBatch,
    sites: Sequence[str],
    where: Bool[NDArray[np.bool_], "B T"],
) -> dict[str, Float[Tensor, "..."]]:
    """float32 [d] by site, [H, d_head] within attention: the mean over tokens ``where``.

    Sites are those with a value at every position: not the attention scores and patterns.
    """
    device = model.unembed.weight.device
    tokens = torch.from_numpy(batch.tokens.astype(np.int64)).to(device)
    kept = torch.from_numpy(where).to(device)
    totals: dict[str, Tensor] = {}
    for part, keep in zip(tokens.split(BATCH_SIZE), kept.split(BATCH_SIZE), strict=True):
        for site, x in model.capture(part, sites).items():
            totals[site] = totals.get(site, 0) + x[keep].double().sum(dim=0)
    return {site: (total / kept.sum()).float() for site, total in totals.items()}


def ablate(
    network: Downstream,
    site: str,
    value: Float[Tensor, "..."],
    where: Bool[NDArray[np.bool_], "Q T"],
) -> Grades:
    """Grades of the network's quizzes with ``value`` at tokens ``where`` of a site behind its own.

    value: [d], or [H, d_head] within attention, as of ``mean_activations``.
    """
    loss, exact = [], []
    for start in range(0, len(where), BATCH_SIZE):
        rows = slice(start, start + BATCH_SIZE)
        with intervene(network.model, {site: _replacing(where[rows], value)}):
            grades = network.grade(np.arange(len(where))[rows], network.site_values[rows])
        loss.append(grades.loss)
        exact.append(grades.exact)
    return Grades(np.concatenate(loss), np.concatenate(exact))


def _replacing(where: Bool[NDArray[np.bool_], "n T"], value: Tensor) -> Change:
    """A change to ``value`` at tokens ``where``, of the last positions if only these are run."""
    mask = torch.from_numpy(where).to(value.device)

    def change(x: Tensor) -> Tensor:
        shown = mask[:, -x.shape[1] :].reshape(len(x), x.shape[1], *[1] * (x.ndim - 2))
        return torch.where(shown, value.to(x.dtype), x)

    return change
