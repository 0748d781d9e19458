"""Activations of several agents at the same tokens, side by side, one block at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count

import numpy as np
from torch import Tensor

from agents.model import AgentModel
from sae.activations.batches import shuffled_batches
from sae.activations.harvest import TokenRows, activation_chunks, check_site, token_rows
from sae.activations.quizzes import QuizSource
from world import QuizBatch, World
from world.core.errors import UserError

Change = Callable[[Tensor, TokenRows], Tensor]
"""A control: activations float32 [n, A, d] of a block and its rows, to others of that shape."""

PIECE = 32_768
"""Tokens of a block that are given at a time: what is made of them is several times as large."""


@dataclass(frozen=True)
class JointActivations:
    """What A agents make of the same quizzes at one site.

    models: by agent number; all of one width. change: a control, applied to every block.
    """

    models: Mapping[int, AgentModel]
    world: World
    site: str
    change: Change | None = None

    def __post_init__(self) -> None:
        for model in self.models.values():
            check_site(model, self.site)

    @property
    def agents(self) -> tuple[int, ...]:
        """The agents' numbers, in the order of the activations."""
        return tuple(sorted(self.models))

    def block(self, quizzes: QuizBatch) -> Tensor:
        """Activations float32 [n, A, d] of the quizzes' kept tokens, in token_rows's order."""
        rows = token_rows(self.world, quizzes)
        block: Tensor | None = None
        for place, number in enumerate(self.agents):
            start = 0
            for chunk in activation_chunks(self.models[number], self.world, quizzes, self.site):
                if block is None:
                    block = chunk.new_empty(len(rows), len(self.models), chunk.shape[1])
                if chunk.shape[1] != block.shape[2]:
                    raise UserError(
                        f"agent {number} is {chunk.shape[1]} wide at {self.site} and others are "
                        f"{block.shape[2]}; a crosscoder needs agents of one width"
                    )
                block[start : start + len(chunk), place] = chunk
                start += len(chunk)
        if block is None:
            raise ValueError("there must be at least one agent and one quiz")
        return block if self.change is None else self.change(block, rows)

    def blocks(self, quizzes: QuizBatch, size: int) -> Iterator[Tensor]:
        """The activations of a batch in order, [n, A, d] each, from equal blocks of about ``size``
        quizzes: as many as in training, since rows that a change permutes within a block stay where
        they are when they are alone in their cell, the more of them the smaller it is."""
        count = max(1, round(len(quizzes) / size))
        for rows in np.array_split(np.arange(len(quizzes)), count):
            yield from self.block(quizzes[rows]).split(PIECE)


@dataclass(frozen=True)
class JointStream:
    """Shuffled activations of all agents for training: blocks of quizzes, each shown several times.

    Only one block is in memory. source: where quizzes come from. buffer_quizzes: quizzes in a
    block. epochs_per_buffer: times each token is shown. batch_size: tokens in a batch.
    """

    joint: JointActivations
    source: QuizSource
    buffer_quizzes: int
    epochs_per_buffer: int
    batch_size: int

    def batches(self, seed: int) -> Iterator[Tensor]:
        """Endless batches float32 [batch_size, A, d] in an order drawn from ``seed``."""
        starts = count(step=self.buffer_quizzes)
        blocks = (self.joint.block(self.source(n, self.buffer_quizzes)) for n in starts)
        return shuffled_batches(blocks, self.epochs_per_buffer, self.batch_size, seed, "crosscoder")
