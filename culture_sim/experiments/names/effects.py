"""What a change in a sentence does along a path: to the logits, and to where a head looks.

An effect on the logits is that on the logit of IO less that of S, as a share of its mean on the
sentences as they are: -1 leaves nothing of it, -2 turns it round. One on attention is a share of
the mean attention. Both are means over sentences with 95 % bootstrap intervals.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from agents.circuits import logit_difference
from agents.circuits.paths import (
    LOGITS,
    Edge,
    Moved,
    Network,
    Pair,
    Part,
    Path,
    Receiver,
    Sender,
    edge_effect,
    edges_from,
    effect,
    moved_attention,
    patched_logits,
)
from agents.circuits.paths.parts import Slot
from agents.circuits.statistics import Interval, interval
from culture_sim.experiments.names.cases import END, IO, S1, Cases

RESAMPLES = 1000
"""Of sentences, for an interval."""
NO_NAME, OF_S1 = "no name", "of s1"
"""Changes beside the flips: a filler in place of IO; at IO what the network holds at S1."""


def sent(parts: Iterable[Part], at: str) -> tuple[Sender, ...]:
    """What parts write at a position."""
    return tuple(Sender(part, (at,)) for part in parts)


def read(heads: Iterable[Part], slot: Slot, at: str) -> tuple[Receiver, ...]:
    """Where heads read it."""
    return tuple(Receiver(part, slot, (at,)) for part in heads)


class Sentences:
    """A network's runs on sentences and their counterparts, and what goes from these to those."""

    def __init__(
        self, network: Network, cases: Cases, rng: np.random.Generator, through_mlps: bool = True
    ) -> None:
        """through_mlps: whether MLPs between the ends of a path compute again."""
        self.network, self.cases = network, cases
        self._rng, self._through_mlps = rng, through_mlps
        self.base = network.read(cases.base)
        self.metric = logit_difference(cases.base.columns[END], cases.io, cases.s)
        self.difference = self.metric(self.base.logits)
        runs = {kind: network.read(prompts) for kind, prompts in cases.changed.items()}
        runs[NO_NAME] = network.read(cases.no_name)
        elsewhere = {**cases.base.columns, IO: cases.base.columns[S1]}
        runs[OF_S1] = replace(self.base, prompts=replace(cases.base, columns=elsewhere))
        self.pairs = {kind: Pair(network, self.base, run) for kind, run in runs.items()}

    @property
    def heads(self) -> tuple[Part, ...]:
        """Of all layers."""
        return tuple(part for part in self.network.parts if part.kind == "head")

    def mean(self, values: Float[Tensor, " n"]) -> Interval:
        """Over sentences."""
        return interval(values, self._rng, RESAMPLES)

    def direct(self, kind: str, parts: Iterable[Part]) -> Interval:
        """The effect of what parts write at the end, read by the logits alone."""
        return self._share(kind, Path(sent(parts, END), ((LOGITS,),)))

    def raised(self, kind: str, parts: Iterable[Part]) -> tuple[Interval, Interval]:
        """What parts write at the end for the logits of IO and of S, beside the mean of all names,
        and do not write under a change; as shares of the difference."""
        path = Path(sent(parts, END), ((LOGITS,),))
        lost = self.base.logits - patched_logits(self.pairs[kind], path, self._through_mlps)
        row = torch.arange(len(lost))
        at_end = lost[row, self.cases.base.columns[END]]
        apart = at_end - at_end[:, self.cases.names].mean(1, keepdim=True)
        io, s = (
            apart[row, name] / self.difference.mean() for name in (self.cases.io, self.cases.s)
        )
        return self.mean(io), self.mean(s)

    def logits(self, kind: str, path: Path) -> Interval:
        """The effect along a path that ends at heads, and from these to the logits."""
        return self._share(kind, Path(path.senders, (*path.hops, (LOGITS,))))

    def _share(self, kind: str, path: Path) -> Interval:
        moved = effect(self.pairs[kind], path, self.metric, self._through_mlps)
        return self.mean(moved / self.difference.mean())

    def everywhere(self, kind: str, parts: Iterable[Part]) -> Interval:
        """The effect of what parts write at the end, wherever it is read, and all that follows."""
        edges = [
            Edge(Sender(part, (END,)), edge.receiver)
            for part in parts
            for edge in edges_from(self.network, part)
        ]
        moved = edge_effect(self.pairs[kind], edges, self.metric)
        return self.mean(moved / self.difference.mean())

    def looks(self, kind: str, path: Path, query: str, keys: Sequence[str]) -> Moved:
        """Attention from one position to others, a mean over the heads at which the path ends, as
        it is and under the change."""
        found = [
            moved_attention(
                self.pairs[kind],
                Path(path.senders, (*path.hops[:-1], (end,))),
                query,
                keys,
                self._through_mlps,
            )
            for end in path.hops[-1]
        ]
        before, after = ([getattr(m, when) for m in found] for when in ("before", "after"))
        return Moved(tuple(keys), torch.stack(before).mean(0), torch.stack(after).mean(0))

    def attention(
        self,
        kind: str,
        path: Path,
        query: str,
        key: str,
        among: Tensor | None = None,
        size: bool = False,
    ) -> Interval:
        """The change of attention from one position to another, as a share of what it was.

        among: bool [B], the sentences it is a mean over. size: of its absolute value.
        """
        moved = self.looks(kind, path, query, (key,))
        gain, before = moved.gain(key), moved.before[:, 0]
        gain = gain.abs() if size else gain
        if among is not None:
            gain, before = gain[among], before[among]
        return self.mean(gain / before.mean())
