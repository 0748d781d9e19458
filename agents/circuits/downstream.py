"""The part of an agent's network behind one site, run again and again on changed activations.

What stands before the site is run once. Behind a place in the residual stream only the model's
own remaining blocks are run, and in the last of them only the positions that are graded: an
answer stands at the end, and earlier positions matter there by their keys and values alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from agents.hooks import capture, intervene
from agents.layers import Block
from agents.model import AgentModel
from agents.scoring import graded_mask
from world import QuizBatch, World

BATCH_SIZE = 64
"""Quizzes in one pass: on a CPU, larger ones leave its caches."""


@dataclass(frozen=True)
class Grades:
    """How Q quizzes are answered, the true tokens given (teacher forcing).

    loss: -log of the probability of the whole answer, nats.
    exact: the most probable value is right at every token of the answer. Greedy decoding then
        writes the whole answer, and only then: up to the first wrong token both read the same.
    """

    loss: Float[NDArray[np.float64], " Q"]
    exact: Bool[NDArray[np.bool_], " Q"]


class Downstream:
    """An agent's network from ``site`` on, for the Q quizzes of a batch in answer layouts.

    site_values: float [Q, T, d], what the untouched network has at the site, or as ``capture``
    gives it at a site within attention. grades: of the untouched network. All are held in memory.
    Interventions in force hold in every run. Raises UserError on an unknown site, ValueError on a
    layout without an answer.
    """

    def __init__(self, model: AgentModel, world: World, batch: QuizBatch, site: str) -> None:
        answer = graded_mask(world, batch)
        self.model, self.site = model, site
        self.device = model.unembed.weight.device
        self.tokens = torch.from_numpy(batch.tokens.astype(np.int64)).to(self.device)
        self.answer = torch.from_numpy(answer).to(self.device)
        self.start = int(answer.any(axis=0).argmax())
        self.first_block = _first_block(site)
        parts = self.tokens.split(BATCH_SIZE)
        self.site_values = torch.cat([capture(model, part, [site])[site] for part in parts])
        self.grades = self.grade(np.arange(len(batch)), self.site_values)

    def grade(self, quiz: Int[NDArray[np.int64], " n"], x: Float[Tensor, "n ..."]) -> Grades:
        """Grades of quizzes of the batch with ``x`` in place of the site's values."""
        index = torch.from_numpy(quiz).to(self.device)
        parts = [
            self._graded(part, values)
            for part, values in zip(index.split(BATCH_SIZE), x.split(BATCH_SIZE), strict=True)
        ]
        loss, exact = (torch.cat(column).cpu().numpy() for column in zip(*parts, strict=True))
        return Grades(loss, exact)

    @torch.no_grad()
    def _graded(
        self, quiz: Int[Tensor, " n"], x: Float[Tensor, "n ..."]
    ) -> tuple[Float[Tensor, " n"], Bool[Tensor, " n"]]:
        """Loss and exactness."""
        tokens, answer = self.tokens[quiz][:, self.start :], self.answer[quiz][:, self.start :]
        logits = self._logits(quiz, x).float()
        loss = F.cross_entropy(logits.transpose(1, 2), tokens, reduction="none").double()
        right = (logits.argmax(dim=-1) == tokens) | ~answer
        return (loss * answer).sum(dim=1), right.all(dim=1)

    def _logits(
        self, quiz: Int[Tensor, " n"], x: Float[Tensor, "n ..."]
    ) -> Float[Tensor, "n graded V"]:
        """Of the positions from the first one graded on."""
        model = self.model
        if self.first_block is None:
            with intervene(model, {self.site: lambda _: x}):
                return model(self.tokens[quiz])[:, self.start :]
        for layer in range(self.first_block, model.n_layers - 1):
            x = model.blocks[layer](x)
        if self.first_block < model.n_layers:
            x = _last_block(model, x, self.start)
        else:
            x = x[:, self.start :]
        return model.unembed(model.ln_final(x))


def _last_block(model: AgentModel, x: Float[Tensor, "n T d"], start: int) -> Tensor:
    """The last block at positions ``start`` .. T, [n, T - start, d], of its whole input.

    The positions before, whose output nobody reads, only leave their keys and values in a cache.
    """
    block, layer = model.blocks[-1], model.n_layers - 1
    assert isinstance(block, Block)
    attention = block.attn
    if attention.hooked or block.hook_resid_pre.hooks:
        # What is read or changed there may be of any position.
        return block(x)[:, start:]
    before = block.ln1(x[:, :start])
    keys, values = (
        linear(before).unflatten(-1, (attention.n_heads, attention.d_head)).transpose(1, 2)
        for linear in (attention.k, attention.v)
    )
    cache = model.new_cache(len(x))
    cache.extend(layer, keys, values)
    cache.length = start
    return block(x[:, start:], cache, layer)


def _first_block(site: str) -> int | None:
    """The first block that comes after a residual-stream site; None at any other site."""
    match = re.fullmatch(r"blocks\.(\d+)\.hook_resid_(pre|post)", site)
    return int(match[1]) + (match[2] == "post") if match else None
