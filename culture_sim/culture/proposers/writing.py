"""What proposers have in common: quizzes sampled from nothing, and quizzes answered greedily."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.generation import generate
from agents.model import AgentModel
from culture_sim.culture.proposers import Proposer, proposers
from world import UNKNOWN_TASK, QuizBatch, QuizWorld
from world.core.errors import AMOUNT, require

FORWARD = 0


@dataclass(frozen=True)
class SamplingProposer(Proposer):
    """A method that samples whole quizzes, the part written first at a temperature of its own."""

    hot_temperature: float = 1.5
    """Temperature at which the first part of a proposal is sampled."""
    temperature: float = 1.0
    """Temperature of the parts after it; 0 takes the most probable value."""

    def __post_init__(self) -> None:
        require(
            self,
            f"proposer {proposers.name_of(type(self))}",
            AMOUNT,
            "hot_temperature",
            "temperature",
        )


def sample(
    model: AgentModel,
    world: QuizWorld,
    seed: int,
    temperature: NDArray[np.float64],
    openings: NDArray[np.uint8] | None = None,
) -> QuizBatch:
    """Quizzes sampled from nothing in the writing layout, in which they are given back.

    temperature: float64 [B, T], of every token. openings: uint8 [R, T], in the
    writing layout; the first R quizzes take their first part from them.
    """
    layout = world.writing_layout
    allowed = world.allowed[layout]
    free = allowed.sum(axis=1) > 1
    # Where only one value may stand (a label), it is written, not sampled.
    fixed = np.where(free, 0, allowed.argmax(axis=1))
    generator = torch.Generator().manual_seed(seed)

    def write(tokens: NDArray[np.int64], places: NDArray[np.bool_], rows: slice) -> Tensor:
        return generate(
            model,
            torch.from_numpy(tokens),
            torch.from_numpy(places),
            torch.from_numpy(temperature[rows]),
            torch.from_numpy(allowed),
            generator,
            batch_size=len(tokens),
        )

    reused = 0 if openings is None else len(openings)
    written = []
    if openings is not None and reused:
        opening = free & (world.slots[layout] == 0)
        tokens = np.where(opening, openings, fixed)
        written.append(write(tokens, free & ~opening, slice(0, reused)))
    if reused < len(temperature):
        fresh = np.tile(fixed, (len(temperature) - reused, 1))
        written.append(write(fresh, free, slice(reused, None)))
    return _batch(world, torch.cat(written), layout)


def answered(model: AgentModel, world: QuizWorld, quizzes: QuizBatch) -> QuizBatch:
    """The quizzes in the forward layout, with the agent's greedy answers for theirs.

    Now the agent sees the whole question, which it did not when it wrote its answer first.
    """
    asked = world.arrange(quizzes, FORWARD)
    tokens = generate(
        model,
        torch.from_numpy(asked.tokens.astype(np.int64)),
        torch.from_numpy(world.answer_mask(asked)),
        temperature=0.0,
        allowed=torch.from_numpy(world.allowed[FORWARD]),
        batch_size=len(asked),
    )
    return _batch(world, tokens, FORWARD)


def falling_temperature(
    world: QuizWorld, hot: NDArray[np.float64], cold: float
) -> NDArray[np.float64]:
    """float64 [B, T]: ``hot`` [B] for the part that is written first, ``cold`` for the rest."""
    return np.where(world.slots[world.writing_layout] == 0, hot[:, None], cold)


def _batch(world: QuizWorld, tokens: Tensor, layout: int) -> QuizBatch:
    size = len(tokens)
    written = QuizBatch(
        tokens.cpu().numpy().astype(world.token_dtype),
        np.full(size, layout, dtype=np.uint8),
        np.full(size, UNKNOWN_TASK, dtype=np.int16),
    )
    return world.tidy(written)
