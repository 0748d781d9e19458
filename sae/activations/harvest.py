"""Activations of an agent at one site, one row a token, with what is known of each token.

Label tokens and the start are left out: a layout fixes them, so every agent has the same
trivial features there. Which rows are kept depends on the quizzes alone, never on the agent,
so the rows of all agents line up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.hooks import capture, site_names
from agents.model import AgentModel
from sae.activations.batches import shuffled_batches
from sae.activations.quizzes import QuizSource, in_evaluation_split
from sae.statistics.permutation import group_index
from world import QuizBatch, World
from world.core.errors import UserError


@dataclass(frozen=True)
class TokenRows:
    """What is known of each of N rows of activations; Q quizzes.

    quiz: int64 [N], index of the row's quiz in the batch, ascending.
    position: int64 [N], its place t in the sequence. The network predicts token t there,
        having read the tokens before it.
    layout: uint8 [N]. task: int16 [N], -1 for quizzes that an agent made.
    token: [N], the last token read, t - 1: the one embedded at this position.
    target: [N], the token t that is to be predicted.
    quizzes: Q. source: int64 [Q], equal for rows of the batch that write the same quiz.
    evaluation: bool [N], True for quizzes on which figures are reported, False for those on which
        matches, thresholds and names are chosen. All writings of a quiz are in one split.
    """

    quiz: NDArray[np.int64]
    position: NDArray[np.int64]
    layout: NDArray[np.uint8]
    task: NDArray[np.int16]
    token: NDArray[np.unsignedinteger]
    target: NDArray[np.unsignedinteger]
    quizzes: int
    source: NDArray[np.int64]
    evaluation: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.quiz)

    @cached_property
    def strata(self) -> NDArray[np.int64]:
        """int64 [N]: a number for each stratum (a "cell"), the rows of equal task, layout, position
        and last token: alike in all that is trivially shared. Agents' quizzes are a task of their
        own."""
        return group_index(self.task, self.layout, self.position, self.token)

    def ordered(
        self,
        order: Callable[[TokenRows, np.random.Generator], NDArray[np.int64]],
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        """int64 [N]: the order that a null draws for these rows."""
        return order(self, rng)

    @property
    def splits(self) -> Splits:
        """The rows of either split."""
        return Splits(self.split(evaluation=False), self.split(evaluation=True))

    def split(self, evaluation: bool) -> TokenRows:
        """The rows of one split of the quizzes, which are numbered afresh."""
        rows = np.flatnonzero(self.evaluation == evaluation)
        first, quiz = np.unique(self.quiz[rows], return_inverse=True)
        _, source = np.unique(self.source[first], return_inverse=True)
        return TokenRows(
            quiz,
            self.position[rows],
            self.layout[rows],
            self.task[rows],
            self.token[rows],
            self.target[rows],
            len(first),
            source,
            self.evaluation[rows],
        )


class Splits(NamedTuple):
    """Rows of the quizzes on which matches are chosen, and of those on which they are reported."""

    selection: TokenRows
    evaluation: TokenRows


def kept_tokens(world: World, batch: QuizBatch) -> NDArray[np.bool_]:
    """bool [B, T]: tokens that are neither fixed nor padding, nor the first of the sequence."""
    free = np.array([*(not part.fixed for part in world.parts), False])
    kept = np.asarray(free[world.part_of(batch)])
    kept[:, 0] = False
    return kept


def token_rows(world: World, batch: QuizBatch) -> TokenRows:
    """The rows that harvesting a batch gives, in order."""
    quiz, position = np.nonzero(kept_tokens(world, batch))
    hashes = world.canonical_hash(batch)
    _, source = np.unique(hashes, return_inverse=True)
    return TokenRows(
        quiz,
        position,
        batch.layout[quiz],
        batch.task[quiz],
        batch.tokens[quiz, position - 1],
        batch.tokens[quiz, position],
        len(batch),
        source,
        in_evaluation_split(hashes)[quiz],
    )


NOT_VECTORS = ("hook_attn_scores", "hook_pattern", "hook_result")
"""Hook points that have no one vector a token, which a dictionary could take apart."""


def comparable_sites(model: AgentModel) -> list[str]:
    """The sites with a vector a token that depends on the quiz; at q, k, v and z, of all heads."""
    return [
        site
        for site in site_names(model)
        if site != "hook_pos_embed" and site.rpartition(".")[2] not in NOT_VECTORS
    ]


def check_site(model: AgentModel, site: str) -> None:
    """Raise UserError when the agent has no such hook point, or it is not a comparable one."""
    known = comparable_sites(model)
    if site not in known:
        raise UserError(
            f"agents have no site {site!r} with a vector a token that depends on the quiz; choose "
            f"sae.sites among: {', '.join(known)}"
        )


def activation_chunks(
    model: AgentModel, world: World, batch: QuizBatch, site: str, size: int = 128
) -> Iterator[Tensor]:
    """Activations float32 [n, d] of a batch's kept tokens, ``size`` quizzes at a time."""
    device = next(model.parameters()).device
    for start in range(0, len(batch), size):
        part = batch[start : start + size]
        tokens = torch.from_numpy(part.tokens.astype(np.int64)).to(device)
        values = capture(model, tokens, [site])[site]
        kept = torch.from_numpy(kept_tokens(world, part)).to(device)
        yield values[kept].flatten(1).float()


def activations(model: AgentModel, world: World, batch: QuizBatch, site: str) -> Tensor:
    """Activations float32 [N, d] of all kept tokens of a batch, in the order of token_rows."""
    return torch.cat(list(activation_chunks(model, world, batch, site)))


@dataclass(frozen=True)
class ActivationStream:
    """Shuffled activations for training SAEs: blocks of quizzes, each shown several times.

    Only one block is in memory, or two while the next is harvested. Quizzes are independent draws,
    so a block is a fair sample. Several series of batches that are read in turn, a batch each,
    share every block.

    source: where quizzes come from. buffer_quizzes: quizzes in a block. epochs_per_buffer: times
    each activation is shown. batch_size: activations in a batch.
    """

    model: AgentModel
    world: World
    source: QuizSource
    site: str
    buffer_quizzes: int
    epochs_per_buffer: int
    batch_size: int
    _latest: dict[int, Tensor] = field(default_factory=dict, repr=False, compare=False)

    def batches(self, seed: int) -> Iterator[Tensor]:
        """Endless batches float32 [batch_size, d] in an order drawn from ``seed``."""
        blocks = map(self._block, count())
        return shuffled_batches(blocks, self.epochs_per_buffer, self.batch_size, seed, "sae")

    def _block(self, number: int) -> Tensor:
        """A block of the series, harvested unless it is the latest that was."""
        if number not in self._latest:
            self._latest.clear()
            quizzes = self.source(number * self.buffer_quizzes, self.buffer_quizzes)
            self._latest[number] = activations(self.model, self.world, quizzes, self.site)
        return self._latest[number]
