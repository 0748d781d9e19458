"""How good an SAE is, on quizzes that it and its agent have not seen.

Reconstruction is judged in two ways: by variance, and by what the agent still answers when
its activations are replaced by the SAE's (the measures of sae_lens's own evaluation).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from sae_lens import SAE
from torch import Tensor
from torch.nn import functional as F

from agents.hooks import capture, intervene
from agents.model import AgentModel
from agents.scoring import graded_mask
from sae.activations.codes import pieces
from sae.activations.harvest import kept_tokens
from world import QuizBatch, World

FREQUENT = 100
"""Tokens on which a feature must fire to be called frequent."""


@dataclass(frozen=True)
class SAEQuality:
    """Figures of one SAE on held-out quizzes.

    tokens, quizzes: how many they were measured on. l0: features active per token, as in
    inference. explained_variance: 1 - E|x - x'|^2 / Var x. dead: share of features that
    fire on none of the tokens. frequent: share of features firing on at least FREQUENT of them.
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
) -> SAEQuality:
    """Grade an SAE on a batch in answer layouts. Raises ValueError for other layouts."""
    (quality,) = measure_qualities(model, world, batch, site, [sae])
    return quality


def measure_qualities(
    model: AgentModel,
    world: World,
    batch: QuizBatch,
    site: str,
    saes: Sequence[SAE[Any]],
) -> list[SAEQuality]:
    """Grade SAEs of one agent and site at once: what does not depend on them is computed once."""
    spliced = [_Spliced(sae) for sae in saes]
    clean, ablated, *replaced = _answers(
        model, world, batch, site, [None, torch.zeros_like, *spliced]
    )
    gap = ablated.ce - clean.ce
    return [
        SAEQuality(
            tokens=each.tokens,
            quizzes=len(batch),
            l0=float(each.firings.sum()) / each.tokens,
            explained_variance=each.explained_variance,
            dead=float((each.firings == 0).double().mean()),
            frequent=float((each.firings >= FREQUENT).double().mean()),
            ce_clean=clean.ce,
            ce_sae=answers.ce,
            ce_ablated=ablated.ce,
            ce_recovered=(ablated.ce - answers.ce) / gap if gap else None,
            accuracy_clean=clean.accuracy,
            accuracy_sae=answers.accuracy,
            accuracy_ablated=ablated.accuracy,
        )
        for each, answers in zip(spliced, replaced, strict=True)
    ]


class _Spliced:
    """Replaces activations [n, d] by the SAE's, and sums up how well it does.

    tokens: rows seen. firings: float64 [d_sae], rows on which each feature was not zero.
    """

    def __init__(self, sae: SAE[Any]) -> None:
        self.sae = sae
        self.tokens = 0
        self.firings = torch.zeros(sae.cfg.d_sae, dtype=torch.float64)
        self._residual = self._squares = 0.0
        self._total: Tensor | None = None

    def __call__(self, x: Tensor) -> Tensor:
        return torch.cat([self._replaced(part) for part in pieces(x, self.sae.cfg.d_sae)])

    def _replaced(self, x: Tensor) -> Tensor:
        codes = self.sae.encode(x)
        reconstruction = self.sae.decode(codes)
        total = x.double().sum(dim=0)
        self.tokens += len(x)
        self.firings += (codes != 0).sum(dim=0).cpu()
        self._residual += float((x - reconstruction).double().pow(2).sum())
        self._squares += float(x.double().pow(2).sum())
        self._total = total if self._total is None else self._total + total
        return reconstruction

    @property
    def explained_variance(self) -> float:
        """1 - E|x - x'|^2 / Var x over all rows seen."""
        if self._total is None:
            return float("nan")
        variance = self._squares - float(self._total.pow(2).sum()) / self.tokens
        return 1 - self._residual / variance


@dataclass
class _Answers:
    """Cross-entropy in nats and exact answers, sums over quizzes and their answer tokens."""

    loss: float = 0.0
    tokens: int = 0
    exact: int = 0
    quizzes: int = 0

    def add(self, logits: Tensor, tokens: Tensor, answer: Tensor) -> None:
        """Of logits [n, T, V] and tokens [n, T], those in the answer, bool [n, T]."""
        self.loss += float(F.cross_entropy(logits[answer], tokens[answer], reduction="sum"))
        self.tokens += int(answer.sum())
        self.exact += int(((logits.argmax(dim=-1) == tokens) | ~answer).all(dim=1).sum())
        self.quizzes += len(tokens)

    @property
    def ce(self) -> float:
        return self.loss / self.tokens

    @property
    def accuracy(self) -> float:
        return self.exact / self.quizzes


@torch.no_grad()
def _answers(
    model: AgentModel,
    world: World,
    batch: QuizBatch,
    site: str,
    changes: Sequence[Callable[[Tensor], Tensor] | None],
    size: int = 128,
) -> list[_Answers]:
    """What the agent answers under each of the changes of its activations."""
    site, first = _from_block(model, site)
    found = [_Answers() for _ in changes]
    for tokens, kept, answer in _parts(model, world, batch, size):
        x = _before(model, tokens, first)
        for change, answers in zip(changes, found, strict=True):
            with _changed(model, site, change, kept):
                logits = model(tokens) if x is None else model.resume(x, first)
            answers.add(logits.float(), tokens, answer)
    return found


def _before(model: AgentModel, tokens: Tensor, block: int) -> Tensor | None:
    """The residual stream that a block reads, None for the first: the embedding is cheap."""
    site = f"blocks.{block}.hook_resid_pre"
    return capture(model, tokens, [site])[site] if block else None


def _from_block(model: AgentModel, site: str) -> tuple[str, int]:
    """The same activations by the name that comes latest, and the block that reads them: all
    before it is the same whatever they are changed to."""
    place = re.match(r"blocks\.(\d+)\.(.*)", site)
    if not place:
        return site, 0
    block = int(place[1])
    if place[2] == "hook_resid_post" and block + 1 < model.n_layers:
        return f"blocks.{block + 1}.hook_resid_pre", block + 1
    return site, block


def _parts(
    model: AgentModel, world: World, batch: QuizBatch, size: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Tokens int64, kept bool and answer bool, all [n, T], ``size`` quizzes at a time."""
    answer = graded_mask(world, batch)
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
        values = x[kept]  # [n, d], or [n, H, d_head] within attention
        changed[kept] = change(values.flatten(1).float()).to(x.dtype).view_as(values)
        return changed

    return intervene(model, {site: splice})
