"""Other answers to a quiz than its own: hard is not the same as under-specified.

Rivals to the answer are sought in three places: what each agent answers, what it samples, and what
rules of the world's tasks give that explain the example. Three kinds of evidence, of different
weight: that agents hold a rival as likely says only that they would not give the answer, so every
quiz that they fail has it; that several of them give the *same* rival speaks for another reading
only where they do so more often than on quizzes that are merely hard; that a rule gives one
proves it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from agents.generation import noise
from agents.model import AgentModel
from agents.prompts import Prompts
from world import ExplainedWorld, QuizBatch, QuizWorld, Stream, concatenate

SAMPLES = 4
"""Answers that each agent samples to every quiz, at temperature 1."""
BLOCK = 64
"""Quizzes whose prompts an agent has in memory at once."""
AS_LIKELY = 0.5
"""A rival that agents hold for at least so many times as likely as the answer fits as well."""


@dataclass(frozen=True)
class Rivals:
    """What else could be answered to B quizzes.

    ratio: float64 [B, D], how likely agents hold the best rival for, as a multiple of the answer,
    in the geometric mean over agents; 0 where none was found. by_rule: bool [B], a rule that
    explains the example gives another answer (forward). found: int64 [B, D], different rivals.
    same: int64 [B, D], how many agents give the most frequent rival, greedily.
    """

    ratio: NDArray[np.float64]
    by_rule: NDArray[np.bool_]
    found: NDArray[np.int64]
    same: NDArray[np.int64]

    @property
    def contested(self) -> NDArray[np.bool_]:
        """bool [B]: agents hold a rival for about as likely, in either direction."""
        return np.asarray((self.ratio >= AS_LIKELY).any(axis=1))


def rivals(
    models: Sequence[AgentModel], world: QuizWorld, batch: QuizBatch, stream: Stream
) -> Rivals:
    """Rivals to the answers of quizzes in layout 0; the stream decides what is sampled."""
    implied = (
        world.rule_answers(batch)
        if isinstance(world, ExplainedWorld)
        else [batch.tokens[:0]] * len(batch)
    )
    ratio = np.zeros((len(batch), len(world.directions)))
    found, same = (np.zeros(ratio.shape, dtype=np.int64) for _ in range(2))
    for direction, layout in enumerate(world.directions):
        asked = world.arrange(batch, layout)
        others, given = _others(models, world, asked, stream.seed(direction))
        if layout == 0:
            others = [{*own, *_rows(rows)} for own, rows in zip(others, implied, strict=True)]
        right = [row.tobytes() for row in asked.tokens]
        others = [own - {row} for own, row in zip(others, right, strict=True)]
        same[:, direction] = [_most(each, row) for each, row in zip(given, right, strict=True)]
        ratio[:, direction] = _ratio(models, world, asked, others)
        found[:, direction] = [len(own) for own in others]
    by_rule = [
        bool((answers != tokens).any())
        for answers, tokens in zip(implied, batch.tokens, strict=True)
    ]
    return Rivals(ratio, np.array(by_rule, dtype=np.bool_), found, same)


def _rows(tokens: NDArray[np.unsignedinteger]) -> set[bytes]:
    return {row.tobytes() for row in tokens}


def _most(given: Sequence[bytes], right: bytes) -> int:
    """How many of the given answers are the most frequent one that is not right."""
    counted = Counter(answer for answer in given if answer != right)
    return max(counted.values(), default=0)


def _others(
    models: Sequence[AgentModel], world: QuizWorld, asked: QuizBatch, seed: int
) -> tuple[list[set[bytes]], list[list[bytes]]]:
    """For each quiz, the quiz with every answer that some agent gives, greedily or by sampling;
    and with the greedy answer of each."""
    generator = torch.Generator().manual_seed(seed)
    others: list[set[bytes]] = [set() for _ in range(len(asked))]
    given: list[list[bytes]] = [[] for _ in range(len(asked))]
    for model in models:
        for start in range(0, len(asked), BLOCK):
            written = _written(model, world, asked[start : start + BLOCK], generator)
            for quiz, mine in enumerate(written, start):
                others[quiz] |= _rows(mine)
                given[quiz].append(mine[0].tobytes())
    return others, given


def _written(
    model: AgentModel, world: QuizWorld, asked: QuizBatch, generator: torch.Generator
) -> NDArray[np.unsignedinteger]:
    """[B, 1 + SAMPLES, T]: quizzes as one agent answers them, first greedily."""
    free = _answer_places(world, asked)
    each = 1 + SAMPLES
    quiz = torch.arange(len(asked)).repeat_interleave(each)
    tokens = torch.from_numpy(asked.tokens.astype(np.int64))
    # The first of each quiz's rows takes the most probable values, the others are samples.
    heat = (torch.arange(len(quiz)) % each > 0).double()[:, None].expand(-1, len(free))
    allowed = torch.from_numpy(world.allowed[asked.layout[0]])[free]
    barred = torch.zeros(allowed.shape).masked_fill(~allowed, float("-inf"))
    offsets = barred + noise(heat, world.vocab_size, generator)
    prompts = Prompts(model, tokens, int(free[0]))
    rows = tokens[quiz]
    rows[:, free] = prompts.write(quiz, rows[:, free], offsets)
    written = replace(
        asked[quiz.numpy()], tokens=rows.numpy().astype(asked.tokens.dtype), regions=None
    )
    return world.tidy(written).tokens.reshape(len(asked), each, -1)


def _answer_places(world: QuizWorld, asked: QuizBatch) -> torch.Tensor:
    """int64 [F]: where the answer stands in quizzes of one layout."""
    return torch.from_numpy(world.answer_mask(asked[:1])[0]).nonzero()[:, 0]


def _ratio(
    models: Sequence[AgentModel], world: QuizWorld, asked: QuizBatch, others: list[set[bytes]]
) -> NDArray[np.float64]:
    """float64 [B]: of each quiz's rivals, the likeliest, against the answer."""
    best = np.zeros(len(asked))
    for start in range(0, len(asked), BLOCK):
        rows = slice(start, start + BLOCK)
        best[rows] = _best(models, world, asked[rows], others[rows])
    return best


def _best(
    models: Sequence[AgentModel], world: QuizWorld, asked: QuizBatch, others: list[set[bytes]]
) -> NDArray[np.float64]:
    """float64 [b]: the same of a block."""
    owner = np.repeat(np.arange(len(asked)), [len(own) for own in others])
    best = np.zeros(len(asked))
    if not len(owner):
        return best
    rows = b"".join(row for own in others for row in sorted(own))
    rival = np.frombuffer(rows, dtype=asked.tokens.dtype).reshape(len(owner), -1)
    # The answers first, then the rivals, all after prompts that are read once.
    written = concatenate([asked, replace(asked[owner], tokens=rival, regions=None)])
    free = _answer_places(world, asked)
    quiz = torch.cat([torch.arange(len(asked)), torch.from_numpy(owner)])
    answers = torch.from_numpy(written.tokens.astype(np.int64))[:, free]
    counted = torch.from_numpy(world.part_of(written) >= 0)[:, free]
    tokens, gains = torch.from_numpy(asked.tokens.astype(np.int64)), []
    for model in models:
        log_prob = Prompts(model, tokens, int(free[0])).log_prob(quiz, answers, counted).numpy()
        gains.append(log_prob[len(asked) :] - log_prob[owner])
    np.maximum.at(best, owner, np.exp(np.mean(gains, axis=0, dtype=np.float64)))
    return best
