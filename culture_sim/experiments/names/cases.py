"""Sentences as a network reads them, and the same with one thing changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from agents import shift
from agents.circuits.paths import Prompts
from world import Side, Stream
from world.names import NamesWorld
from world.names.options import OF_TWO

IO, S1, AFTER_IO, AFTER_S1, S2, END = "io", "s1", "after_io", "after_s1", "s2", "end"
"""Positions by name: the name of the one who does not give, that of the one who does, the word
after either, the second mention of the one who does, the last word."""


@dataclass(frozen=True)
class Cases:
    """B sentences in which one of two gives.

    base: with the columns named above. io, s: int64 [B], the two names; the first is right. names:
    int64, all that there are.
    changed: by what is changed (``world.names.flips``), row by row. no_name: the sentences with a
    filler in place of IO.
    """

    base: Prompts
    io: Int[Tensor, " B"]
    s: Int[Tensor, " B"]
    names: Int[Tensor, " n"]
    changed: Mapping[str, Prompts]
    no_name: Prompts

    @property
    def followed(self) -> Bool[Tensor, " B"]:
        """Whether both names have a word after them that stands before S2."""
        columns = self.base.columns
        return torch.maximum(columns[AFTER_IO], columns[AFTER_S1]) < columns[S2]


def cases_of(world: NamesWorld, count: int, stream: Stream) -> Cases:
    """``count`` sentences of pairs and templates that are held out, and their counterparts; the
    answer in all of its places in turn."""
    chances = [float(task in OF_TWO) for task in world.tasks]
    drawn = world.for_exam(world.draw(stream, 0, count, "test", chances))
    flips = {
        kind: world.flip(drawn, kind, stream.with_role(kind).generator()) for kind in world.flips
    }
    side = next(iter(flips.values())).base
    base = _prompts(side)
    words = base.tokens.clone()
    fillers = world.codec.words.values("filler")
    drawn_fillers = stream.with_role("no name").generator().choice(fillers, size=len(words))
    words[torch.arange(len(words)), base.columns[IO]] = torch.from_numpy(drawn_fillers)
    return Cases(
        base,
        torch.from_numpy(side.features["io"].astype(np.int64)),
        torch.from_numpy(side.features["s"].astype(np.int64)),
        torch.from_numpy(world.codec.words.values("name")),
        {kind: _prompts(flip.changed) for kind, flip in flips.items()},
        replace(base, tokens=words),
    )


def _prompts(side: Side) -> Prompts:
    """As an agent reads them: every token one place further right, behind the start."""
    names = (IO, S1, AFTER_S1, S2, END)
    columns = {name: torch.from_numpy(side.columns[name]).long() + 1 for name in names}
    columns[AFTER_IO] = columns[IO] + 1
    return Prompts(shift(torch.from_numpy(side.batch.tokens).long()), columns)
