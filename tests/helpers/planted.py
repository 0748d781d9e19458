"""Activations of five agents made of known features: shared by all, by a pair, one agent's own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from sae.activations.harvest import TokenRows

AGENTS, WIDTH = 5, 24
OWNERS = [
    *[tuple(range(AGENTS))] * 12,
    *combinations(range(AGENTS), 2),
    *[(agent,) for agent in range(AGENTS) for _ in range(2)],
]
"""The agents that carry each of 32 features."""
RATE = 0.08
"""Share of tokens on which a feature fires, independently of all others."""
NOISE = 0.02
"""Deviation of each entry of an activation beside the features."""


class Planted:
    """A feature has a random direction in every agent that carries it; lengths are equal.

    direction: float32 [F, A, d].
    """

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        drawn = torch.randn(len(OWNERS), AGENTS, WIDTH, generator=self.generator)
        carried = torch.tensor([[a in owners for a in range(AGENTS)] for owners in OWNERS])
        self.direction = drawn / drawn.norm(dim=-1, keepdim=True) * carried[..., None]

    def draw(self, count: int) -> tuple[Tensor, Tensor]:
        """Activations float32 [count, A, d] and the codes [count, F] behind them."""
        shape = (count, len(OWNERS))
        active = torch.rand(shape, generator=self.generator) < RATE
        codes = active * (0.5 + torch.rand(shape, generator=self.generator))
        noise = NOISE * torch.randn(count, AGENTS, WIDTH, generator=self.generator)
        return torch.einsum("nf,fad->nad", codes, self.direction) + noise, codes

    def batches(self, size: int) -> Iterator[Tensor]:
        """Endless fresh activations float32 [size, A, d]."""
        while True:
            yield self.draw(size)[0]


def one_cell_rows(count: int) -> TokenRows:
    """Rows of quizzes of ten tokens, all in one cell; every second quiz is reported on."""
    zeros = np.zeros(count, dtype=np.int64)
    quiz = np.arange(count) // 10
    small = zeros.astype(np.uint8)
    return TokenRows(
        quiz=quiz,
        position=zeros,
        layout=small,
        task=zeros.astype(np.int16),
        token=small,
        target=small,
        quizzes=int(quiz.max()) + 1,
        source=np.arange(int(quiz.max()) + 1),
        evaluation=quiz % 2 == 1,
    )
