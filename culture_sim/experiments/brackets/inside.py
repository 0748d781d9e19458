"""What an agent does inside: what each part adds to its verdict, what is lost without it, where the
end of the string looks, and what it holds when it has looked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.circuits import (
    ablated_difference,
    attention_patterns,
    component_names,
    direct_contributions,
)
from agents.model import AgentModel
from culture_sim.experiments.brackets.agent import AGAIN, Agent, load_agent
from culture_sim.experiments.brackets.exam import BATCH
from culture_sim.experiments.units import Place, Unit
from sae.files import read_arrays, write_arrays
from world import Stream, concatenate
from world.brackets import BracketsWorld
from world.brackets.nesting import BALANCED, CLOSE, KINDS, OPEN, Brackets, heights, kinds_of
from world.brackets.scratch import NO, YES

FILE = "inside.npz"
DEEPEST = 12
"""Attention is told apart by the height before each bracket, from -DEEPEST to DEEPEST; what is
beyond counts as that."""
BRACKETS = (OPEN, CLOSE)


@dataclass(frozen=True)
class Sample:
    """Strings to look inside by, as many of each kind. length: of the longest."""

    length: int = 40
    each: int = 150

    @cached_property
    def strings(self) -> Brackets:
        """uint8 [6 each, length], kind by kind as KINDS lists them; of the test split."""
        batches = []
        for kind in KINDS:
            world = BracketsWorld(length=self.length, tasks=(kind,))
            stream = Stream(0, f"inside-{kind}")
            batches.append(world.draw(stream, 0, self.each, "test"))
        return BracketsWorld(length=self.length).strings(concatenate(batches))

    @cached_property
    def kinds(self) -> NDArray[np.int64]:
        """int64 [6 each]: index into KINDS."""
        return kinds_of(self.strings)


@cache
def sample_of(length: int, each: int) -> Sample:
    """The sample of these sizes, whose strings are drawn once in a process."""
    return Sample(length, each)


@dataclass(frozen=True, kw_only=True)
class Inside(Unit):
    """A look inside one agent."""

    agent: Agent
    sample: Sample

    @property
    def name(self) -> str:
        return f"inside/{self.agent.setting}-seed{self.agent.seed}"

    def make(self, folder: Path, place: Place) -> Sequence[str]:
        """All that is measured, as arrays: see ``Looked``."""
        model, world, sample = load_agent(place, self.agent), self.agent.world, self.sample
        tokens = torch.from_numpy(world.codec.tokens(sample.strings).astype(np.int64))
        names, contributions = _contributions(model, world, tokens)
        end = _end(model, world, tokens)
        write_arrays(
            folder / FILE,
            names=np.array(names),
            contributions=contributions,
            ablated=_ablated(model, world, tokens),
            attention=_attention(model, world, tokens, sample.strings),
            end=_principal(end),
        )
        return [FILE]


@dataclass(frozen=True)
class Looked:
    """What was found inside one agent, on n strings with C terms and K components.

    names: of the terms, C. contributions: float32 [n, C] to the logit of "balanced" less that of
    "unbalanced"; their sum is ``logits``, [n]. ablated: float32 [K, n], the same difference with
    a component's output taken from another string. attention: float32 [layer, head, 6, 2,
    2 DEEPEST + 1], the share of the end's attention by kind of string, by opening and closing
    bracket, and by the height before it. end: float32 [n, 2], the two principal components of what
    the end holds after the last block.
    """

    names: tuple[str, ...]
    contributions: NDArray[np.float32]
    ablated: NDArray[np.float32]
    attention: NDArray[np.float32]
    end: NDArray[np.float32]

    @property
    def logits(self) -> NDArray[np.float32]:
        """float32 [n]."""
        return self.contributions.sum(axis=1)

    @property
    def components(self) -> tuple[str, ...]:
        """Names of the K components."""
        return tuple(name for name in self.names if "." in name)

    def of(self, name: str) -> NDArray[np.float32]:
        """float32 [n]: the contributions of one term."""
        return self.contributions[:, self.names.index(name)]


def read_inside(place: Place, unit: Inside) -> Looked:
    """What a made unit found."""
    names = ("names", "contributions", "ablated", "attention", "end")
    found: dict[str, Any] = read_arrays(place.of(unit) / FILE, names, AGAIN)
    return Looked(**{**found, "names": tuple(str(name) for name in found["names"])})


def _contributions(
    model: AgentModel, world: BracketsWorld, tokens: Tensor
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Names of the terms, and float32 [n, C]."""
    parts = [
        direct_contributions(model, part, world.codec.answer, YES, NO)
        for part in tokens.split(BATCH)
    ]
    names = tuple(parts[0])
    columns = [torch.cat([part[name] for part in parts]).numpy() for name in names]
    return names, np.stack(columns, axis=1)


def _ablated(model: AgentModel, world: BracketsWorld, tokens: Tensor) -> NDArray[np.float32]:
    """float32 [K, n]: each string's source is any other, of whatever kind."""
    rng = Stream(0, "resample").generator()
    order = torch.from_numpy(rng.permutation(len(tokens)))
    found = []
    for component in component_names(model):
        rows = [
            # Batches of a random order, in which each takes from the one before it.
            ablated_difference(
                model, tokens[rows], component, torch.arange(len(rows)).roll(1),
                world.codec.answer, YES, NO,
            )
            for rows in order.split(BATCH)
        ]  # fmt: skip
        found.append(torch.cat(rows)[order.argsort()].numpy())
    return np.stack(found)


def _attention(
    model: AgentModel, world: BracketsWorld, tokens: Tensor, strings: Brackets
) -> NDArray[np.float32]:
    """As in ``Looked``: sums over the brackets of a string, means over the strings of a kind."""
    kinds = kinds_of(strings)
    step = np.where(strings == OPEN, 1, -1)
    before = np.clip(heights(strings) - step, -DEEPEST, DEEPEST) + DEEPEST
    shape = (model.n_layers, model.config.n_heads, len(KINDS), len(BRACKETS), 2 * DEEPEST + 1)
    total = np.zeros(shape, dtype=np.float64)
    for start in range(0, len(tokens), BATCH):
        rows = slice(start, start + BATCH)
        patterns = attention_patterns(model, tokens[rows])
        # The key at which token t was read is t + 1, and brackets begin at token 1.
        seen = patterns[:, :, :, world.codec.answer, 2 : 2 + strings.shape[1]]
        for index, bracket in enumerate(BRACKETS):
            row, place = np.nonzero(strings[rows] == bracket)
            groups = (kinds[rows][row], before[rows][row, place])
            weights = seen[row, :, :, place]
            for layer, head in np.ndindex(*shape[:2]):
                np.add.at(total[layer, head, :, index], groups, weights[:, layer, head])
    counts = np.bincount(kinds, minlength=len(KINDS))
    return (total / np.maximum(counts, 1)[:, None, None]).astype(np.float32)


def _end(model: AgentModel, world: BracketsWorld, tokens: Tensor) -> NDArray[np.float64]:
    """float64 [n, d_model]: the residual stream after the last block, where the verdict is read."""
    site = f"blocks.{model.n_layers - 1}.hook_resid_post"
    parts = [
        model.capture(part, [site])[site][:, world.codec.answer] for part in tokens.split(BATCH)
    ]
    return torch.cat(parts).double().numpy()


def _principal(points: NDArray[np.float64]) -> NDArray[np.float32]:
    """float32 [n, 2]: the first two principal components."""
    centred = points - points.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:2]
    return np.asarray(centred @ axes.T, dtype=np.float32)


def accuracy_by_kind(
    logits: NDArray[np.floating[Any]], kinds: NDArray[np.int64]
) -> NDArray[np.float64]:
    """float64 [..., 6]: the share of right verdicts among strings of each kind."""
    right = (logits > 0) == (kinds == BALANCED)
    return np.stack([right[..., kinds == kind].mean(axis=-1) for kind in range(len(KINDS))], -1)
