"""A world's flips as a network reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from agents import shift
from agents.circuits import Metric, logit_difference
from agents.circuits.paths import Prompts
from world import Flip, FlippedWorld, FlipRoles, QuizBatch, Side, Stream, World
from world.core.errors import UserError

MOST = 64
"""Sequences drawn for one that is asked for, at most, to find such as can be changed."""


@dataclass(frozen=True)
class FlippedPrompts:
    """B prompts and their counterparts, row by row.

    right, wrong: int64 [B], token values of the answer and of the one that it is told from.
    changed: by what is changed. about: what that is, in words. roles: of the names.
    """

    base: Prompts
    right: Int[Tensor, " B"]
    wrong: Int[Tensor, " B"]
    changed: Mapping[str, Prompts]
    about: Mapping[str, str]
    roles: FlipRoles

    @property
    def metric(self) -> Metric:
        """The logit of the answer less that of the other, at the end."""
        return self.metric_of(torch.arange(len(self.base)))

    def metric_of(self, rows: Int[Tensor, " n"]) -> Metric:
        """The same of some of the prompts."""
        end = self.base.columns[self.roles.end]
        return logit_difference(end[rows], self.right[rows], self.wrong[rows])

    @property
    def telling(self) -> tuple[str, ...]:
        """The changes that may matter, by which parts are compared."""
        return tuple(kind for kind in self.changed if kind not in self.roles.idle)


def flipped_prompts(world: World, count: int, stream: Stream) -> FlippedPrompts:
    """``count`` held-out sequences that can be changed, and their counterparts; the answer in all
    of its places in turn.

    world: a FlippedWorld. Raises UserError where it hardly ever can change one.
    """
    assert isinstance(world, FlippedWorld)
    roles, chosen = world.flip_roles, _changeable(world, count, stream)
    flips = {
        kind: world.flip(chosen, kind, stream.with_role(kind).generator()) for kind in world.flips
    }
    base = flips[roles.telling].base
    names = _places(flips, world.seq_len)
    changed = {kind: _prompts(flip.changed, names) for kind, flip in flips.items()}
    return FlippedPrompts(
        _prompts(base, names),
        torch.from_numpy(base.features[roles.right].astype(np.int64)),
        torch.from_numpy(base.features[roles.wrong].astype(np.int64)),
        changed,
        dict(world.flips),
        roles,
    )


def _changeable(world: World, count: int, stream: Stream) -> QuizBatch:
    assert isinstance(world, FlippedWorld)
    drawn = count
    while drawn <= MOST * count:
        batch = world.for_exam(world.draw(stream, 0, drawn, "test"))
        kind = world.flip_roles.telling
        rows = world.flip(batch, kind, stream.with_role("rows").generator()).rows
        if len(rows) >= count:
            return batch[rows[:count]]
        drawn *= 2
    raise UserError(
        f"of {drawn // 2} sequences of the world {world.name!r}, {len(rows)} can be changed, and "
        f"{count} are needed; ask for fewer --sentences, or for a world whose tasks have such"
    )


def _places(flips: Mapping[str, Flip], length: int) -> tuple[str, ...]:
    """Columns that have something read after them in all sequences."""
    sides = [side for flip in flips.values() for side in (flip.base, flip.changed)]
    return tuple(
        name
        for name in sides[0].columns
        if all(name in side.columns and side.columns[name].max() + 1 < length for side in sides)
    )


def _prompts(side: Side, names: tuple[str, ...]) -> Prompts:
    """As an agent reads them: every token one place further right, behind the start."""
    columns = {name: torch.from_numpy(side.columns[name]).long() + 1 for name in names}
    return Prompts(shift(torch.from_numpy(side.batch.tokens).long()), columns)
