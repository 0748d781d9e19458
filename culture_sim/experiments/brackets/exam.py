"""The strings that all agents are asked, in parts, and how sure an agent is of each.

They are of the test split, and the same whatever an agent was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray

from agents.hooks import evaluating
from agents.model import AgentModel
from agents.scoring import answers, mistakes
from world import QuizBatch, Stream
from world.brackets import BracketsWorld
from world.brackets.nesting import KINDS, Brackets, kinds_of
from world.brackets.options import UNBALANCED
from world.brackets.scratch import NO, YES

EQUAL, SPREAD, BALANCED = PARTS = ("equal", "spread", "balanced")
"""Unbalanced strings with equal counts, of which nothing was held back; unbalanced ones of every
surplus, all alike; balanced ones of every depth, all alike."""
BATCH = 256
"""Strings in one pass."""


def undecided(strings: Brackets) -> NDArray[np.bool_]:
    """bool [n]: which strings [n, length] are unbalanced, have equal counts and begin with an
    opening bracket. To nest is to refuse them; by both other rules they are balanced."""
    return np.asarray(kinds_of(strings) == KINDS.index("dip"))


@dataclass(frozen=True)
class Exam:
    """Strings to ask agents of.

    length: of the longest. strings: in each part.
    """

    length: int = 40
    strings: int = 1000

    @cached_property
    def parts(self) -> dict[str, Brackets]:
        """uint8 [strings, length] by part."""
        world = BracketsWorld(length=self.length)
        worlds = {
            EQUAL: replace(world, tasks=(UNBALANCED,), equal_count_share=1.0),
            SPREAD: replace(world, tasks=(UNBALANCED,), unequal="spread"),
            BALANCED: replace(world, tasks=("balanced",), shallowest=1),
        }
        return {name: self._drawn(name, each) for name, each in worlds.items()}

    def _drawn(self, name: str, world: BracketsWorld) -> Brackets:
        stream = Stream(0, f"exam-{name}")
        return world.strings(world.draw(stream, 0, self.strings, "test"))

    @property
    def all(self) -> Brackets:
        """uint8 [3 * strings, length]: the parts, one after the other."""
        return np.concatenate([self.parts[name] for name in PARTS])

    def part(self, values: NDArray[Any], name: str) -> NDArray[Any]:
        """Of values for ``all`` along the last axis, those of one part."""
        start = PARTS.index(name) * self.strings
        return values[..., start : start + self.strings]


def verdict_logits(
    model: AgentModel, world: BracketsWorld, strings: Brackets
) -> Float[NDArray[np.float32], " n"]:
    """float32 [n]: the logit of "balanced" less that of "unbalanced", without a scratchpad."""
    tokens = torch.from_numpy(world.codec.tokens(strings).astype(np.int64))
    found = []
    with evaluating(model):
        for part in tokens.to(model.unembed.weight.device).split(BATCH):
            logits = model(part)[:, world.codec.answer].float()
            found.append((logits[:, YES] - logits[:, NO]).cpu().numpy())
    return np.concatenate(found)


@cache
def exam_of(length: int, strings: int) -> Exam:
    """The exam of these sizes, whose strings are drawn once in a process."""
    return Exam(length, strings)


def as_asked(world: BracketsWorld, strings: Brackets) -> QuizBatch:
    """The strings as quizzes of a world, answered right, to be read from left to right."""
    rows = len(strings)
    tokens = world.codec.tokens(strings)
    return QuizBatch(tokens, np.zeros(rows, np.uint8), np.zeros(rows, np.int16))


def examined(
    model: AgentModel, world: BracketsWorld, strings: Brackets
) -> dict[str, NDArray[np.generic]]:
    """What an agent says of n strings.

    "logits": float32 [n], as ``verdict_logits`` gives them; with a scratchpad 1 where the agent
    writes "balanced" at its end, -1 where it writes "unbalanced", 0 where neither. "first_wrong":
    int64 [n], the place in its answer of the first token that is wrong, -1 where none is.
    """
    batch = as_asked(world, strings)
    wrong = mistakes(model, world, batch)[:, world.codec.answer :]
    first = np.where(wrong.any(axis=1), wrong.argmax(axis=1), -1).astype(np.int64)
    if world.scratch == "none":
        return {"logits": verdict_logits(model, world, strings), "first_wrong": first}
    said = world.codec.verdicts(answers(model, world, batch))
    verdict = (said == YES).astype(np.float32) - (said == NO)
    return {"logits": verdict.astype(np.float32), "first_wrong": first}
