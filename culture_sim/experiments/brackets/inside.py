"""What an agent does inside: what each part adds to its verdict, what is lost without it, where the
end of the string looks, and what it holds when it has looked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.circuits import attention_patterns, logit_difference
from agents.circuits.paths import (
    Network,
    Prompts,
    attribute_logits,
    edges_from,
    resampled_logits,
)
from agents.model import AgentModel, shift
from culture_sim.experiments.brackets.agent import AGAIN, Agent, load_agent
from culture_sim.experiments.brackets.exam import BATCH
from culture_sim.experiments.units import Place, Unit
from sae.files import read_arrays, write_arrays
from world import Stream, concatenate
from world.brackets import BracketsWorld
from world.brackets.nesting import (
    BALANCED,
    CLOSE,
    EQUAL,
    KINDS,
    OPEN,
    Brackets,
    heights,
    kinds_of,
)
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
        names, contributions, ablated = _parts(model, world, tokens, sample.kinds)
        write_arrays(
            folder / FILE,
            names=np.array(names),
            contributions=contributions,
            ablated=ablated,
            attention=_attention(model, world, tokens, sample.strings),
            end=_principal(_end(model, world, tokens)),
        )
        return [FILE]


@dataclass(frozen=True)
class Looked:
    """What was found inside one agent, on n strings with C terms and K components.

    names: of the terms, C: components as "1.0" (layer and head) and "m1" (the MLP of a layer),
    embeddings, biases. contributions: float32 [n, C] to the logit of "balanced" less that of
    "unbalanced"; their sum is ``logits``, [n]. ablated: float32 [K, n], the same difference with
    all that a component tells taken from another string, one that is balanced or has unequal
    counts. attention: float32 [layer, head, 6, 2, 2 DEEPEST + 1], the share of the end's attention
    by kind of string, by opening and closing bracket, and by the height before it. end: float32
    [n, 2], the two principal components of what the end holds after the last block.
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
    def heads(self) -> tuple[str, ...]:
        """Names of the components that are heads."""
        return tuple(name for name in self.names if "." in name)

    @property
    def mlps(self) -> tuple[str, ...]:
        """Names of the components that are MLPs."""
        return tuple(name for name in self.names if name.startswith("m"))

    @property
    def components(self) -> tuple[str, ...]:
        """Names of the K components."""
        return tuple(name for name in self.names if name in self.heads + self.mlps)

    def of(self, name: str) -> NDArray[np.float32]:
        """float32 [n]: the contributions of one term."""
        return self.contributions[:, self.names.index(name)]


def read_inside(place: Place, unit: Inside) -> Looked:
    """What a made unit found."""
    names = ("names", "contributions", "ablated", "attention", "end")
    found: dict[str, Any] = read_arrays(place.of(unit) / FILE, names, AGAIN)
    return Looked(**{**found, "names": tuple(str(name) for name in found["names"])})


def _parts(
    model: AgentModel, world: BracketsWorld, tokens: Tensor, kinds: NDArray[np.int64]
) -> tuple[list[str], NDArray[np.float32], NDArray[np.float32]]:
    """Names, contributions and ablated, as in ``Looked``."""
    network = Network(model.to_transformer_lens())
    rng = Stream(0, "resample").generator()
    order = rng.permutation(len(tokens))  # so that every batch has strings of all kinds
    found = [
        _parts_of_batch(network, world, tokens[rows], donors(kinds[rows], rng))
        for rows in np.array_split(order, math.ceil(len(order) / BATCH))
    ]
    back = order.argsort()
    contributions, ablated = (np.concatenate(batches)[back] for batches in zip(*found, strict=True))
    return [*map(str, network.parts), "biases"], contributions, ablated.T


def _parts_of_batch(
    network: Network, world: BracketsWorld, tokens: Tensor, source: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """float32 [B, C] and [B, K]. source: int64 [B], whose output each string gets."""
    run = network.read(Prompts(shift(tokens)))
    verdict = [torch.full((len(tokens),), each) for each in (world.codec.answer, YES, NO)]
    metric, index = logit_difference(*verdict), torch.from_numpy(source)
    direct = attribute_logits(network, run, *verdict)
    terms = [*(direct.effects[part] for part in network.parts), direct.biases]
    ablated = [
        metric(resampled_logits(network, run, {edges_from(network, part): index}))
        for part in network.parts
        if part.slots  # embeddings are no components
    ]
    return torch.stack(terms, dim=1).numpy(), torch.stack(ablated, dim=1).numpy()


def donors(kinds: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """int64 [B]: for each string another that is balanced or has unequal counts.

    What changes on such strings then tells nothing of unbalanced ones with equal counts, which is
    what is to be foretold.
    """
    able = np.flatnonzero(~np.isin(kinds, EQUAL))
    place = np.searchsorted(able, np.arange(len(kinds)))
    return able[(place + rng.integers(1, len(able), size=len(kinds))) % len(able)]


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
