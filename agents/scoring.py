"""Which answers an agent gets right, in one teacher-forced pass instead of decoding.

Greedy decoding reproduces the whole answer exactly when the argmax is right at every answer
position given the true tokens before it: up to the first mistake both see the same prefix.
So accuracies and votes cost one forward pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.generation import generate
from agents.hooks import evaluating
from agents.model import AgentModel
from world import QuizBatch, QuizWorld, World


def graded_mask(world: World, batch: QuizBatch) -> NDArray[np.bool_]:
    """bool [B, T]: the tokens that must be right. Raises ValueError for a row without any."""
    graded = np.array([*(part.graded for part in world.parts), False])
    mask = np.asarray(graded[world.part_of(batch)])
    if not mask.any(axis=1).all():
        raise ValueError("every sequence must be in a layout with an answer to grade")
    return mask


@dataclass(frozen=True)
class Scores:
    """What an agent makes of B quizzes.

    correct: bool [B], every answer token is the one the agent finds most probable.
    wrong_tokens: uint16 [B], answer tokens that are not, given the true tokens before them.
    log_prob: float32 [B], log-probability in nats of the whole answer, over all V values.
    """

    correct: NDArray[np.bool_]
    wrong_tokens: NDArray[np.uint16]
    log_prob: NDArray[np.float32]


def score(
    model: AgentModel,
    world: World,
    batch: QuizBatch,
    batch_size: int = 64,
    autocast: bool = False,
) -> Scores:
    """Score the answers of ``batch``, each row in its own layout.

    Runs on the model's device, without gradients or dropout. A row's scores do not depend on
    the rows beside it. autocast: run in bf16; when False, an autocast that the caller has
    entered still holds. Raises ValueError for a layout without an answer.
    """
    wrong = np.zeros(len(batch), dtype=np.uint16)
    log_prob = np.zeros(len(batch), dtype=np.float32)
    for rows, row_wrong, row_log_prob in _scored(model, world, batch, batch_size, autocast):
        wrong[rows] = row_wrong.sum(-1).cpu().numpy()
        log_prob[rows] = row_log_prob.cpu().numpy()
    return Scores(wrong == 0, wrong, log_prob)


def mistakes(
    model: AgentModel, world: World, batch: QuizBatch, batch_size: int = 64
) -> NDArray[np.bool_]:
    """bool [B, T]: answer tokens that are not the agent's choice, given the true ones before.

    Raises ValueError for a layout without an answer.
    """
    found = np.zeros(batch.tokens.shape, dtype=np.bool_)
    for rows, wrong, _ in _scored(model, world, batch, batch_size, autocast=False):
        found[rows] = wrong.cpu().numpy()
    return found


def _scored(
    model: AgentModel, world: World, batch: QuizBatch, batch_size: int, autocast: bool
) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """Rows of the batch, their wrong answer tokens bool [b, T] and log-probabilities [b]."""
    answer = graded_mask(world, batch)
    device = model.unembed.weight.device
    with evaluating(model), _precision(device, autocast):
        for start in range(0, len(batch), batch_size):
            rows = slice(start, start + batch_size)
            tokens = torch.from_numpy(batch.tokens[rows].astype(np.int64)).to(device)
            mask = torch.from_numpy(answer[rows]).to(device)
            yield rows, *_score_rows(model, tokens, mask, batch_size)


def answers(
    model: AgentModel, world: QuizWorld, batch: QuizBatch, batch_size: int = 256
) -> QuizBatch:
    """The quizzes with their answers replaced by the agent's, decoded greedily."""
    mask = world.answer_mask(batch)
    written = batch.tokens.copy()
    # Rows that write at the same places run together.
    for layout in np.unique(batch.layout):
        rows = np.flatnonzero(batch.layout == layout)
        decoded = generate(
            model,
            torch.from_numpy(batch.tokens[rows].astype(np.int64)),
            torch.from_numpy(mask[rows]),
            temperature=0.0,
            batch_size=batch_size,
        )
        written[rows] = decoded.cpu().numpy()
    return world.tidy(replace(batch, tokens=written))


def _score_rows(
    model: AgentModel, tokens: Tensor, mask: Tensor, padded: int
) -> tuple[Tensor, Tensor]:
    """Wrong answer tokens bool [B, T], log-probability [B] of tokens [B, T] at mask [B, T]."""
    B = len(tokens)
    # Always the same shape: matrix products round differently for another number of rows,
    # and a near tie must not be decided by how the quizzes were cut into batches.
    filled = torch.cat([tokens, tokens.new_zeros(padded - B, tokens.shape[1])])
    logits = model(filled)[:B][mask].float()
    truth = tokens[mask]
    chosen = torch.log_softmax(logits, -1).gather(-1, truth[:, None])[:, 0]
    log_prob = torch.zeros(mask.shape, device=mask.device).masked_scatter(mask, chosen)
    wrong = torch.zeros_like(mask).masked_scatter(mask, logits.argmax(-1) != truth)
    return wrong, log_prob.sum(-1)


def _precision(device: torch.device, autocast: bool) -> AbstractContextManager[object]:
    return torch.autocast(device.type, dtype=torch.bfloat16) if autocast else nullcontext()
