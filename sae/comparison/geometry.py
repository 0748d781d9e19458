"""Do matched features point the same way? Decoders compared after one agent is turned into another.

Residual streams of two agents have no basis in common, so that cosines between their decoders mean
nothing as they are. An orthogonal map is fitted to activations on the selection split, which knows
nothing of features; then directions can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sae.activations.harvest import TokenRows
from sae.activations.kept import KeptActivations
from sae.comparison.matches import Matches
from sae.matching.alignment import align

QUIZZES = 400
"""Quizzes of either split that maps are fitted to and graded on."""


@dataclass(frozen=True)
class Geometry:
    """Directions of the features of a in b. F features of a, G of b.

    cosine: float64 [F], between a feature's decoder, turned, and that of its match by activation;
    NaN without a match. best: int64 [F], the feature of b with the highest cosine. best_cosine:
    float64 [F], that cosine. explained: share of the variance of b's activations that those of
    a give when turned, on the evaluation split.
    """

    cosine: NDArray[np.float64]
    best: NDArray[np.int64]
    best_cosine: NDArray[np.float64]
    explained: float


def decoder_geometry(
    activations: KeptActivations,
    decoders: Mapping[int, Tensor],
    matches: Matches,
    rows: TokenRows,
) -> dict[tuple[int, int], Geometry]:
    """By ordered pair of agents. activations: on the batch that ``rows`` are of. decoders:
    float32 [F, d]."""
    agents = activations.agents
    chosen = [_chosen(rows, evaluation) for evaluation in (False, True)]
    x = {n: [activations.of_some(n, part).cpu() for part in chosen] for n in agents}
    geometry = {}
    for a, b in permutations(sorted(agents), 2):
        table = matches.of(a, b)
        match = np.full(len(decoders[a]), -1)
        match[table.feature_a] = table.feature_b
        geometry[a, b] = _geometry(x[a], x[b], decoders[a].cpu(), decoders[b].cpu(), match)
    return geometry


def _chosen(rows: TokenRows, evaluation: bool) -> NDArray[np.int64]:
    """int64: the first QUIZZES of one split."""
    return np.unique(rows.quiz[rows.evaluation == evaluation])[:QUIZZES]


def _geometry(
    x: list[Tensor], y: list[Tensor], ours: Tensor, theirs: Tensor, match: NDArray[np.int64]
) -> Geometry:
    turn = align(x[0], y[0])
    turned = torch.nn.functional.normalize(ours @ turn.rotation, dim=1)
    cosine = (turned @ torch.nn.functional.normalize(theirs, dim=1).T).double().numpy()
    best = cosine.argmax(axis=1)
    every = np.arange(len(cosine))
    return Geometry(
        np.where(match >= 0, cosine[every, match], np.nan),
        best,
        cosine[every, best],
        turn.explained_variance(x[1], y[1]),
    )
