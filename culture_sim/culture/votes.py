"""Votes: what every agent makes of every proposed quiz, asked in every direction.

The table is all that a consensus rule sees, and it is stored whole, so that any other rule can
be replayed on the same votes later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from agents.model import AgentModel
from agents.scoring import score
from world import QuizBatch, QuizWorld, concatenate
from world.core.errors import UserError


@dataclass(frozen=True)
class VoteTable:
    """The votes of N agents on B quizzes, in the D directions of their world.

    correct: bool [B, N, D], the agent's greedy answer is right in every token.
    wrong_tokens: uint16 [B, N, D], answer tokens it gets wrong, given the true ones before them.
    log_prob: float32 [B, N, D], log-probability of the answer in nats.
    proposer: int16 [B], the agent that proposed the quiz.
    voted: bool [B, N], the agents that were asked; what is said of the others means nothing.
    probability: float32 [B, N], 0 to 1, the chance that the agent samples the right answer in one
    direction after the other, on average over prompts with noise (the clean ones if there was
    none).
    """

    correct: NDArray[np.bool_]
    wrong_tokens: NDArray[np.uint16]
    log_prob: NDArray[np.float32]
    proposer: NDArray[np.int16]
    voted: NDArray[np.bool_]
    probability: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.correct.ndim != 3:
            raise ValueError(f"correct must be bool [B, N, D], got {list(self.correct.shape)}")
        votes = self.correct.shape
        expected = {
            "correct": (np.bool_, votes),
            "wrong_tokens": (np.uint16, votes),
            "log_prob": (np.float32, votes),
            "proposer": (np.int16, votes[:1]),
            "voted": (np.bool_, votes[:2]),
            "probability": (np.float32, votes[:2]),
        }
        for field, (dtype, shape) in expected.items():
            array = getattr(self, field)
            if array.dtype != dtype or array.shape != shape:
                wanted = f"{np.dtype(dtype).name} {list(shape)}"
                raise ValueError(
                    f"{field} must be {wanted} like correct, got {array.dtype} {list(array.shape)}"
                )

    def __len__(self) -> int:
        return len(self.proposer)

    def __getitem__(self, index: slice | NDArray[np.bool_] | NDArray[np.int64]) -> VoteTable:
        """The table of the chosen quizzes."""
        return VoteTable(*(getattr(self, field.name)[index] for field in fields(self)))

    @property
    def n_agents(self) -> int:
        """N."""
        return self.correct.shape[1]

    @property
    def directions(self) -> int:
        """D."""
        return self.correct.shape[2]

    @property
    def solves(self) -> NDArray[np.bool_]:
        """bool [B, N]: the agent was asked and is right in every direction."""
        return np.asarray(self.correct.all(axis=2) & self.voted)


@dataclass(frozen=True)
class Decision:
    """What a rule says of B quizzes.

    keep: bool [B]. dissenter: int16 [B], the one agent that fails a kept quiz, -1 where there is
    no such agent. reason: one phrase for each quiz, in plain words; "kept" for the kept ones.
    """

    keep: NDArray[np.bool_]
    dissenter: NDArray[np.int16]
    reason: list[str]

    def __post_init__(self) -> None:
        size = len(self.reason)
        for field, dtype in (("keep", np.bool_), ("dissenter", np.int16)):
            array = getattr(self, field)
            if array.dtype != dtype or array.shape != (size,):
                wanted = f"{np.dtype(dtype).name} [{size}]"
                raise ValueError(
                    f"{field} must be {wanted} like reason, got {array.dtype} {list(array.shape)}"
                )

    def __len__(self) -> int:
        return len(self.reason)


def trial_votes(n_agents: int, voters: int = 0, directions: int = 1) -> VoteTable:
    """A table of one quiz: lets a rule refuse a population before any work is done.

    voters: how many agents are asked, 0 for all. Raises UserError when there are not so many.
    """
    if voters > n_agents:
        raise UserError(
            f"culture.voters ({voters}) must be at most the number of agents ({n_agents})"
        )
    shape = (1, n_agents, directions)
    return VoteTable(
        np.zeros(shape, dtype=np.bool_),
        np.zeros(shape, dtype=np.uint16),
        np.zeros(shape, dtype=np.float32),
        np.zeros(1, dtype=np.int16),
        np.arange(n_agents)[None] < (voters or n_agents),
        np.ones(shape[:2], dtype=np.float32),
    )


def draw_voters(
    rng: np.random.Generator, quizzes: int, n_agents: int, voters: int
) -> NDArray[np.bool_]:
    """bool [quizzes, n_agents]: for each quiz ``voters`` agents by chance, or all for 0."""
    lots = rng.random((quizzes, n_agents)).argsort(axis=1)
    return np.asarray(lots < (voters or n_agents))


def vote(
    models: Sequence[AgentModel],
    world: QuizWorld,
    batch: QuizBatch,
    proposer: NDArray[np.int16],
    voted: NDArray[np.bool_] | None = None,
    noisy: Sequence[QuizBatch] = (),
) -> VoteTable:
    """Agents' votes on a batch in any layout; proposer: int16 [B].

    voted: bool [B, N], who is asked, all by default; of the others the table says False and 0.
    noisy: the batch asked in all directions (as ``ask`` gives it) with noise in the prompts, once
    for each round over which probabilities are averaged. An autocast that the caller has entered
    holds. The votes on a quiz do not depend on the quizzes beside it, so a batch may be cut
    anywhere.
    """
    if voted is None:
        voted = np.ones((len(batch), len(models)), dtype=np.bool_)
    D = len(world.directions)
    shape = (*voted.shape, D)
    correct = np.zeros(shape, dtype=np.bool_)
    wrong_tokens = np.zeros(shape, dtype=np.uint16)
    log_prob = np.zeros(shape, dtype=np.float32)
    probability = np.zeros(voted.shape, dtype=np.float32)
    asked = ask(world, batch)
    for agent, model in enumerate(models):
        rows = np.flatnonzero(voted[:, agent])
        places = np.concatenate([rows + d * len(batch) for d in range(D)])
        scores = score(model, world, asked[places])
        for table, column in (
            (correct, scores.correct),
            (wrong_tokens, scores.wrong_tokens),
            (log_prob, scores.log_prob),
        ):
            table[rows, agent] = column.reshape(D, -1).T
        asked_again = [score(model, world, prompts[places]).log_prob for prompts in noisy]
        chances = [_chance(answers, D) for answers in asked_again or [scores.log_prob]]
        probability[rows, agent] = np.mean(chances, axis=0)
    return VoteTable(correct, wrong_tokens, log_prob, proposer, voted, probability)


def ask(world: QuizWorld, batch: QuizBatch) -> QuizBatch:
    """The quizzes in every direction of the vote, one direction after the other."""
    return concatenate([world.arrange(batch, direction) for direction in world.directions])


def _chance(log_prob: NDArray[np.float32], directions: int) -> NDArray[np.float32]:
    """float32 [B]: the product over directions of probabilities given as logs [D * B]."""
    return np.asarray(np.exp(log_prob.reshape(directions, -1).sum(axis=0)))


def concatenate_votes(tables: Sequence[VoteTable]) -> VoteTable:
    """One table of all quizzes, in order; of the same agents."""
    names = [field.name for field in fields(VoteTable)]
    return VoteTable(*(np.concatenate([getattr(t, name) for t in tables]) for name in names))
