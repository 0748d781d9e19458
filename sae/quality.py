"""How good an SAE is, on quizzes that it and its agent have not seen.

Reconstruction is judged in two ways: by variance, and by what the agent still answers when
its activations are replaced by the SAE's (the measures of sae_lens's own evaluation).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from sae_lens import SAE
from torch import Tensor
from torch.nn import functional as F

from agents.hooks import intervene
from agents.model import AgentModel
from sae.harvest import activation_chunks, kept_tokens
from world import QuizBatch, TokenRole, World


@dataclass(frozen=True)
class SAEQuality:
    """Figures of one SAE on held-out quizzes.

    tokens, quizzes: how many they were measured on. l0: features active per token, as in
    inference. explained_variance: 1 - E|x - x'|^2 / Var x. dead: share of features that
    fire on none of the tokens. frequent: share of features firing on at least min_firings.
    ce_clean, ce_sae, ce_ablated: cross-entropy in nats of a token of the answer, with the
    activations untouched, replaced by the SAE's, set to zero (labels and start untouched).
    ce_recovered: (ce_ablated - ce_sae) / (ce_ablated - ce_clean); None when ablation changes
    nothing. accuracy_clean, accuracy_sae, accuracy_ablated: shares of quizzes answered exactly.
    """

    tokens: int
    quizzes: int
    l0: float
    explained_variance: float
    dead: float
    frequent: float
    ce_clean: float
    ce_sae: float
    ce_ablated: float
    ce_recovered: float | None
    accuracy_clean: float
    accuracy_sae: float
    accuracy_ablated: float

    def as_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON."""
        return asdict(self)


def measure_quality(
    model: AgentModel,
    world: World,
    batch: QuizBatch,
    site: str,
    sae: SAE[Any],
    min_firings: int = 100,
) -> SAEQuality:
    """Grade an SAE on a batch in answer structures. Raises ValueError for other structures."""
    tokens, l0, explained, firings = _reconstruction(model, world, batch, site, sae)
    ce_clean, accuracy_clean = _answers(model, world, batch, site, None)
    ce_sae, accuracy_sae = _answers(model, world, batch, site, sae)
    ce_ablated, accuracy_ablated = _answers(model, world, batch, site, torch.zeros_like)
    gap = ce_ablated - ce_clean
    return SAEQuality(
        tokens=tokens,
        quizzes=len(batch),
        l0=l0,
        explained_variance=explained,
        dead=float((firings == 0).double().mean()),
        frequent=float((firings >= min_firings).double().mean()),
        ce_clean=ce_clean,
        ce_sae=ce_sae,
        ce_ablated=ce_ablated,
        ce_recovered=(ce_ablated - ce_sae) / gap if gap else None,
        accuracy_clean=accuracy_clean,
        accuracy_sae=accuracy_sae,
        accuracy_ablated=accuracy_ablated,
    )


@torch.no_grad()
def _reconstruction(
    model: AgentModel, world: World, batch: QuizBatch, site: str, sae: SAE[Any]
) -> tuple[int, float, float, Tensor]:
    """Tokens, L0, explained variance, and firings float64 [d_sae]."""
    tokens, residual, firings = 0, 0.0, torch.zeros(sae.cfg.d_sae, dtype=torch.float64)
    total: Tensor | float = 0.0
    squares = 0.0
    for x in activation_chunks(model, world, batch, site):
        codes = sae.encode(x)
        residual += float((x - sae.decode(codes)).double().pow(2).sum())
        firings += (codes != 0).sum(dim=0).cpu()
        total = total + x.double().sum(dim=0)
        squares += float(x.double().pow(2).sum())
        tokens += len(x)
    variance = squares - float((torch.as_tensor(total) ** 2).sum()) / tokens
    return tokens, float(firings.sum()) / tokens, 1 - residual / variance, firings


@torch.no_grad()
def _answers(
    model: AgentModel,
    world: World,
    batch: QuizBatch,
    site: str,
    change: Callable[[Tensor], Tensor] | None,
    size: int = 128,
) -> tuple[float, float]:
    """Cross-entropy of answer tokens in nats, and share of exact answers, under a change."""
    loss, count, exact = 0.0, 0, 0
    for tokens, kept, answer in _parts(model, world, batch, size):
        with _changed(model, site, change, kept):
            logits = model(tokens).float()
        loss += float(F.cross_entropy(logits[answer], tokens[answer], reduction="sum"))
        count += int(answer.sum())
        exact += int(((logits.argmax(dim=-1) == tokens) | ~answer).all(dim=1).sum())
    return loss / count, exact / len(batch)


def _parts(
    model: AgentModel, world: World, batch: QuizBatch, size: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Tokens int64, kept bool and answer bool, all [n, T], ``size`` quizzes at a time."""
    answer = world.roles[batch.structure] == TokenRole.ANSWER
    if not all(world.structures[s].answers for s in np.unique(batch.structure)):
        raise ValueError("every quiz must be in a structure with an answer to grade")
    device = next(model.parameters()).device
    kept = kept_tokens(world, batch)
    for start in range(0, len(batch), size):
        rows = slice(start, start + size)
        arrays = (batch.tokens[rows].astype(np.int64), kept[rows], answer[rows])
        tokens, keep, asked = (torch.from_numpy(a).to(device) for a in arrays)
        yield tokens, keep, asked


def _changed(
    model: AgentModel,
    site: str,
    change: Callable[[Tensor], Tensor] | None,
    kept: Tensor,
) -> Any:
    """A context in which the kept tokens' activations at a site are changed."""
    if change is None:
        return nullcontext()

    def splice(x: Tensor) -> Tensor:
        changed = x.clone()
        changed[kept] = change(x[kept].float()).to(x.dtype)
        return changed

    return intervene(model, {site: splice})
