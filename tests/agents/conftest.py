"""A world of strings, and small agents that live in it: proof that agents assume no grids.

A quiz is a task token, a string, a separator and the string again, copied or reversed. It has
two parts, one dimension and no colours, and is learned in seconds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from agents.config import ModelConfig
from agents.model import AgentModel, architectures, build_model
from world import SPLITS, Axis, Layout, QuizBatch, Stream, TokenRole, World

LETTERS, COPY, SEPARATOR = 6, 6, 8


@dataclass(frozen=True)
class StringWorld(World):
    """T = 2 + 2 * length: task token (6 copy, 7 reverse), x, separator (8), y; letters 0 .. 5."""

    length: int = 5

    name: ClassVar[str] = "strings"
    tasks: ClassVar[tuple[str, ...]] = ("copy", "reverse")
    vocab_size: ClassVar[int] = 9
    layouts: ClassVar[tuple[Layout, ...]] = (
        Layout("x,y", (0, 1), True),
        Layout("y,x", (1, 0), True),
        Layout("y,x to propose", (1, 0), False),
    )

    @property
    def seq_len(self) -> int:
        return 2 + 2 * self.length

    @property
    def axes(self) -> tuple[Axis, ...]:
        return (Axis("part", 2), Axis("place", self.length + 1))

    @property
    def coordinates(self) -> NDArray[np.int64]:
        return np.stack(np.divmod(np.arange(self.seq_len), self.length + 1), axis=1)

    @property
    def roles(self) -> NDArray[np.int8]:
        first = [TokenRole.CONTEXT] * (self.length + 1)
        answered = [*first, TokenRole.LABEL, *[TokenRole.ANSWER] * self.length]
        proposed = [*first, TokenRole.LABEL, *[TokenRole.CONTEXT] * self.length]
        return np.array([answered, answered, proposed], dtype=np.int8)

    @property
    def allowed(self) -> NDArray[np.bool_]:
        values = np.arange(self.vocab_size)
        allowed = np.tile(values < LETTERS, (3, self.seq_len, 1))
        allowed[:, 0] = (values >= COPY) & (values < SEPARATOR)
        allowed[:, self.length + 1] = values == SEPARATOR
        return allowed

    def draw(
        self,
        stream: Stream,
        start: int,
        count: int,
        split: str,
        task_weights: Sequence[float] | None = None,
    ) -> QuizBatch:
        numbers = range(start, start + count)
        rows = [self._draw_one(stream.generator(i), split, task_weights or (1, 1)) for i in numbers]
        tokens = np.array(rows, dtype=np.uint8).reshape(count, self.seq_len)
        task = tokens[:, 0].astype(np.int16) - COPY
        return QuizBatch(tokens, np.zeros(count, dtype=np.uint8), task)

    def _draw_one(
        self, rng: np.random.Generator, split: str, task_weights: Sequence[float]
    ) -> NDArray[np.uint8]:
        while True:
            x = rng.integers(LETTERS, size=self.length)
            task = int(rng.random() * sum(task_weights) >= task_weights[0])
            row = np.array([COPY + task, *x, SEPARATOR, *(x[::-1] if task else x)], dtype=np.uint8)
            batch = QuizBatch(row[None], np.zeros(1, np.uint8), np.zeros(1, np.int16))
            if SPLITS[self.split(self.canonical_hash(batch))[0]] == split:
                return row

    def arrange(self, batch: QuizBatch, layout: NDArray[np.uint8] | int) -> QuizBatch:
        wanted = np.broadcast_to(np.asarray(layout, dtype=np.uint8), len(batch)).copy()
        swap = (wanted > 0) != (batch.layout > 0)
        x, y = slice(1, self.length + 1), slice(self.length + 2, None)
        tokens = batch.tokens.copy()
        tokens[swap, x], tokens[swap, y] = batch.tokens[swap, y], batch.tokens[swap, x]
        return replace(batch, tokens=tokens, layout=wanted)

    def canonical_hash(self, batch: QuizBatch) -> NDArray[np.uint64]:
        rows = self.arrange(batch, 0).tokens
        digests = [hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in rows]
        return np.frombuffer(b"".join(digests), dtype=np.uint64)

    def readings(self, batch: QuizBatch) -> NDArray[np.uint8]:
        return self.arrange(batch, 0).tokens[:, None]

    def trivial(self, batch: QuizBatch) -> NDArray[np.bool_]:
        letters = batch.tokens[:, 1 : self.length + 1]
        return np.asarray((letters == letters[:, :1]).all(axis=1))

    def corrupt(self, batch: QuizBatch, rate: float, rng: np.random.Generator) -> QuizBatch:
        tokens = batch.tokens.copy()
        prompt = tokens[:, 1 : self.length + 1]
        noise = rng.integers(LETTERS, size=prompt.shape, dtype=np.uint8)
        prompt[:] = np.where(rng.random(prompt.shape) < rate, noise, prompt)
        return replace(batch, tokens=tokens)

    def labels(self, batch: QuizBatch) -> dict[str, NDArray[np.int16]]:
        place = np.broadcast_to(self.coordinates[:, 1].astype(np.int16), batch.tokens.shape)
        return {"task": np.repeat(batch.task[:, None], self.seq_len, axis=1), "place": place}

    def ansi(self, batch: QuizBatch, row: int) -> str:
        return "".join("abcdef=~|"[token] for token in batch.tokens[row])

    def svg(
        self,
        batch: QuizBatch,
        row: int,
        overlay: NDArray[np.float32] | None = None,
        wrong: NDArray[np.bool_] | None = None,
    ) -> str:
        return f"<svg xmlns='http://www.w3.org/2000/svg'><text>{self.ansi(batch, row)}</text></svg>"


SMALL = {"d_model": 32, "n_layers": 2, "n_heads": 2, "d_mlp": 64}


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def strings() -> StringWorld:
    """The string world."""
    return StringWorld()


@pytest.fixture(scope="session")
def quizzes(strings: StringWorld) -> QuizBatch:
    """120 quizzes, half of them in each answer layout."""
    drawn = strings.draw(Stream(1, "test"), 0, 120, "test")
    return strings.arrange(drawn, np.arange(120, dtype=np.uint8) % 2)


@pytest.fixture(scope="session", params=architectures.names())
def untrained(request: pytest.FixtureRequest, strings: StringWorld) -> AgentModel:
    """A small agent of each architecture with initial weights, in evaluation mode."""
    config = ModelConfig(request.param, **SMALL, dropout=0.1)
    return build_model(config, strings, seed=3).eval()


@pytest.fixture(scope="session")
def trained(strings: StringWorld) -> AgentModel:
    """A small agent that solves some quizzes of the string world and fails others."""
    model = build_model(ModelConfig(**SMALL), strings, seed=4)
    drawn = strings.draw(Stream(2, "train"), 0, 2048, "train")
    written = strings.arrange(drawn, np.arange(2048, dtype=np.uint8) % 2)
    tokens = torch.from_numpy(written.tokens).long()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    answer = torch.from_numpy(strings.roles[0] == TokenRole.ANSWER)
    for step in range(60):
        rows = tokens[torch.arange(64 * step, 64 * (step + 1)) % len(tokens)]
        loss = F.cross_entropy(model(rows)[:, answer].flatten(0, 1), rows[:, answer].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()
