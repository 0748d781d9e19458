"""One agent with its SAE on the quizzes of a batch, and changes of its activations.

A change adds multiples of a direction to the activation, and so keeps whatever the SAE fails to
reconstruct: setting a feature to g adds (g - a) d, with a its activation and d its decoder row
(the "error term" of S. Marks et al., "Sparse feature circuits", 2024).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sae_lens import SAE
from scipy import sparse
from torch import Tensor

from agents.circuits.downstream import BATCH_SIZE, Downstream, Grades
from agents.model import AgentModel
from sae.activations.codes import encode
from sae.activations.harvest import TokenRows, check_site, kept_tokens
from world import QuizBatch, World


@dataclass(frozen=True)
class Term:
    """``amount`` times ``direction`` added at some rows of a batch.

    rows: int64 [n], of TokenRows, ascending, none twice. amount: float32 [n]. direction:
    float32 [d].
    """

    rows: NDArray[np.int64]
    amount: NDArray[np.float32]
    direction: Tensor


@dataclass(frozen=True)
class SplicedAgent:
    """An agent and its SAE on a batch of Q quizzes with N kept tokens. F features.

    network: the agent from the SAE's site on. rows: of the batch. codes: float32 [N, F], by
    column. decoder: float32 [F, d], what one unit of each feature adds to the activation.
    """

    network: Downstream
    rows: TokenRows
    codes: sparse.csc_array
    decoder: Tensor

    def fired(
        self, feature: int, evaluation: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows int64 [n] of one split on which a feature is active, and its activations [n]."""
        column = slice(self.codes.indptr[feature], self.codes.indptr[feature + 1])
        rows, values = self.codes.indices[column].astype(np.int64), self.codes.data[column]
        fires = (self.rows.evaluation[rows] == evaluation) & (values != 0)
        return rows[fires], values[fires]

    def scaling(self, feature: int, factor: float, evaluation: bool) -> Term:
        """The change that multiplies a feature by ``factor`` in one split; 0 ablates it."""
        rows, values = self.fired(feature, evaluation)
        return Term(rows, np.float32(factor - 1) * values, self.decoder[feature])

    def firings(self, evaluation: bool) -> NDArray[np.int64]:
        """int64 [F]: rows of one split on which each feature is active."""
        active = self.codes.indices[self.codes.data != 0]
        feature = np.repeat(np.arange(self.codes.shape[1]), np.diff(self.codes.indptr))
        feature = feature[self.codes.data != 0]
        member = self.rows.evaluation[active] == evaluation
        return np.bincount(feature[member], minlength=self.codes.shape[1])

    def values(self, evaluation: bool) -> Tensor:
        """float32 [n, d]: the untouched activations on the rows of one split."""
        member = self.rows.evaluation == evaluation
        quiz = _index(self.rows.quiz[member], self.decoder.device)
        position = _index(self.rows.position[member], self.decoder.device)
        return self.network.site_values[quiz, position].flatten(1).float()

    def under(self, change: Sequence[Term]) -> Grades:
        """Grades [Q] under a change. Quizzes that it leaves alone keep theirs to the bit."""
        loss, exact = self.network.grades.loss.copy(), self.network.grades.exact.copy()
        touched = np.unique(np.concatenate([self.rows.quiz[term.rows] for term in change]))
        for start in range(0, len(touched), BATCH_SIZE):
            quiz = touched[start : start + BATCH_SIZE]
            grades = self.network.grade(quiz, self._changed(quiz, change))
            loss[quiz], exact[quiz] = grades.loss, grades.exact
        return Grades(loss, exact)

    def _changed(self, quiz: NDArray[np.int64], change: Sequence[Term]) -> Tensor:
        """Site values [n, T, d] of some of the touched quizzes, ascending and without a gap."""
        device = self.decoder.device
        x = self.network.site_values[_index(quiz, device)]
        for term in change:
            of_row = self.rows.quiz[term.rows]
            first, last = np.searchsorted(of_row, [quiz[0], quiz[-1] + 1])
            place = np.searchsorted(quiz, of_row[first:last])
            position = self.rows.position[term.rows[first:last]]
            amount = torch.from_numpy(term.amount[first:last]).to(device)
            added = (amount[:, None] * term.direction).to(x.dtype)
            # At a site within attention, the vectors of all heads are one to the SAE.
            x.flatten(2)[_index(place, device), _index(position, device)] += added
        return x


def splice_sae(
    model: AgentModel, world: World, batch: QuizBatch, rows: TokenRows, site: str, sae: SAE[Any]
) -> SplicedAgent:
    """Run an agent up to the site and encode what is there; ``rows`` are those of the batch.

    Raises UserError on an unknown site, ValueError on a layout without an answer or an SAE
    whose decoder rows are not in units of the activation.
    """
    if sae.cfg.normalize_activations != "none" or sae.cfg.reshape_activations != "none":
        raise ValueError("the SAE normalises or reshapes activations; fold that into its weights")
    check_site(model, site)
    network = Downstream(model, world, batch, site)
    kept = torch.from_numpy(kept_tokens(world, batch)).to(network.device)
    parts = zip(network.site_values.split(BATCH_SIZE), kept.split(BATCH_SIZE), strict=True)
    codes = sparse.vstack([encode(sae, values[keep].flatten(1).float()) for values, keep in parts])
    return SplicedAgent(network, rows, codes.tocsc(), sae.W_dec.detach().float())


def _index(array: NDArray[np.int64], device: torch.device) -> Tensor:
    return torch.from_numpy(array).to(device)
