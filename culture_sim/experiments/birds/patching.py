"""One bird's cells of the given frame, replaced by those of another flight: which outputs move?

A quiz and its counterpart differ in one bird, in both frames (``world.birds.pairs``). The agent
reads the quiz, and at the chosen cells of the given frame it holds what it has on the counterpart.
The answer's cells before each are those of the quiz, which speak against the other flight.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

from agents.circuits import activation_patching
from agents.circuits.probes import residual_sites
from agents.hooks import evaluating
from agents.model import AgentModel
from culture_sim.experiments.birds.accuracy import DIRECTIONS
from culture_sim.experiments.findings import row
from world import QuizBatch, Stream
from world.birds import BirdsWorld
from world.birds.codec import CONTEXT

PLACES = ("the bird", "other birds", "background", "the whole frame")
"""Cells of the given frame that are patched. The last, at the first site, is another question."""
CELLS = ("only before", "only after", "before and after", "other birds", "background")
"""Cells of the answer: the changed bird has them in the quiz's own answer, in the counterpart's, in
both; another bird has them; nobody has."""
MOVED, FOLLOWS = "moved", "follows"
"""Of such cells: the mean total variation distance between what the agent expects patched and
untouched, 0 to 1; the share whose most probable value is that of the counterpart's answer."""
Mask = Bool[NDArray[np.bool_], "B T"]


def patching_rows(
    model: AgentModel, world: BirdsWorld, count: int, seed: int
) -> Iterator[dict[str, Any]]:
    """Rows of results: MOVED and FOLLOWS by change, direction, site, place and cells of the answer.

    count: quizzes that are drawn; those that no change of a bird leaves apart are left out.
    """
    drawn = world.draw(Stream(seed, "birds-patched"), 0, count, "test")
    for change in world.counterfactuals:
        rng = Stream(seed, f"birds-patched {change}").generator()
        pair = world.counterfactual(drawn, change, rng)
        if not len(pair.clean):
            continue
        for layout, direction in enumerate(DIRECTIONS):
            clean, changed = (world.arrange(b, layout) for b in (pair.clean, pair.changed))
            for found in _patched(model, world, clean, changed):
                yield {**found, "change": change, "direction": direction}


def _patched(
    model: AgentModel, world: BirdsWorld, clean: QuizBatch, changed: QuizBatch
) -> Iterator[dict[str, Any]]:
    given = world.part_of(clean) == CONTEXT
    own = bird_cells(clean, changed)
    cells = answer_cells(world, clean, changed)
    tokens, source = (torch.from_numpy(b.tokens.astype(np.int64)) for b in (clean, changed))
    with evaluating(model):
        untouched = model(tokens).float().softmax(-1)

    def metric(logits: Float[Tensor, "B T V"]) -> Float[Tensor, "B 2 T"]:
        distance = (logits.float().softmax(-1) - untouched).abs().sum(-1) / 2
        return torch.stack([distance, (logits.argmax(-1) == source).float()], dim=1)

    colour = clean.tokens > 0
    chosen = (given & own, given & ~own & colour, given & ~own & ~colour, given)
    for place, where in zip(PLACES, chosen, strict=True):
        # A cell is read at the position after its own.
        read = torch.from_numpy(np.roll(where, 1, axis=1))[..., None]
        sites = residual_sites(model)
        found = activation_patching(model, tokens, source, sites, metric, read)
        for site, values in found.patched.items():
            yield from _told(values.numpy(), cells, site, place)


def _told(
    values: NDArray[np.float32], cells: dict[str, Mask], site: str, place: str
) -> Iterator[dict[str, Any]]:
    """Means over all cells of a kind, of all quizzes together."""
    for name, mask in cells.items():
        for index, measure in enumerate((MOVED, FOLLOWS)):
            if mask.any():
                mean = float(values[:, index][mask].mean())
                support = int(mask.any(axis=1).sum())
                yield row(
                    measure, mean, by="cells", group=name, support=support, site=site, place=place
                )


def bird_cells(clean: QuizBatch, changed: QuizBatch) -> Mask:
    """Cells, of either frame, that the changed bird has in one of two quizzes of equal layout."""
    differ = clean.tokens != changed.tokens
    both = np.stack([clean.tokens, changed.tokens])
    colour = np.where(differ, both.max(axis=0), 0).max(axis=1)
    return np.asarray((both == colour[:, None]).any(axis=0))


def answer_cells(world: BirdsWorld, clean: QuizBatch, changed: QuizBatch) -> dict[str, Mask]:
    """By kind (CELLS), the cells of the answers of two quizzes of equal layout."""
    graded = world.answer_mask(clean)
    own = bird_cells(clean, changed)
    before, after = own & (clean.tokens > 0), own & (changed.tokens > 0)
    kinds = (before & ~after, after & ~before, before & after, ~own & (clean.tokens > 0))
    masks = [graded & kind for kind in kinds]
    return dict(zip(CELLS, [*masks, graded & ~own & (clean.tokens == 0)], strict=True))
