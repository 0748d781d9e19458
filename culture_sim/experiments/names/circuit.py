"""A network taken apart: from the logits back to the movers, to what their queries are told, to
what that is made of.

Path patching, hop by hop (``agents.circuits.paths``), as K. Wang et al. take GPT-2 apart
("Interpretability in the wild", 2022); what decides on a claim is in ``claims``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from agents.circuits.heads import HeadScores, value_weighted
from agents.circuits.paths import Part, Path
from agents.circuits.paths.parts import Slot
from agents.circuits.statistics import Interval
from culture_sim.experiments.names.cases import AFTER_IO, AFTER_S1, END, IO, S1, S2
from culture_sim.experiments.names.effects import NO_NAME, OF_S1, Sentences, read, sent
from culture_sim.experiments.names.heads import (
    DIRECT,
    DUPLICATE,
    FOLLOWED,
    INDUCTION,
    INHIBITION,
    KINDS,
    MOVER,
    PREVIOUS,
    QUERIES,
    RAISES_IO,
    RAISES_S,
    REPEATED,
    SUPPRESSOR,
    TO_IO,
    TO_S1,
    TO_S2,
    kinds_of,
)
from world.names import flips

GIVER, SCENERY, BOTH = flips.GIVER, flips.SCENERY, flips.BOTH
ATTENTION, SIZE = ", attention", ", size of the change in attention"
"""Behind the name of a path: its effect on where the heads at its end look, as it is, and as an
absolute value, so that a rise in one sentence does not make up for a fall in another."""
ALL_HEADS = "all heads to the logits"
READING: Mapping[Slot, str] = {"q": END, "k": S2, "v": S2}
LEARN_BY = {slot: f"{at} to {slot} of heads that work for IO" for slot, at in READING.items()}
"""How movers and S suppressors learn who gives: from what stands at the end, by their queries, or
by themselves at S2, by their keys or values."""
KEYS = "to movers' keys at IO"
SENT = "inhibition heads to movers' queries"
TOWARD_S1 = "movers look at S1 more than at IO"
AT_S2 = "inhibition heads look at S2 most"
THROUGH = {slot: f"all parts to {slot} of inhibition heads" for slot in ("q", "k", "v")}
REPETITION = "duplicate-token and induction heads to v of inhibition heads"
ONLY_DUPLICATE = "duplicate-token heads to v of inhibition heads"
ONLY_INDUCTION = "induction heads to v of inhibition heads"
COMPOSED = "duplicate-token heads to q of induction heads"
BY_KEYS = "previous-token heads to k of induction heads"
ALL_QUERIES, ALL_KEYS = "all parts to q of induction heads", "all parts to k of induction heads"
MOVERS, MOVERS_ON = "without movers", "without movers, all else computed again"
OTHERS = "movers alone"
"""Of the difference of logits, what is left when heads write at the end what they write on
sentences of two other names: movers, read by the logits alone or by all that follows; or all heads
that are no movers."""
NO_HEAD = "without any head"

Effects = dict[str, dict[str, Interval]]


@dataclass(frozen=True)
class Measured:
    """What a network was seen to do.

    difference: of the logits of IO and S. preferred: share of sentences in which IO has the higher
    one. parts: effects of every part (``heads.DIRECT``, ``heads.QUERIES``), and of heads where
    they look. scores: of every head on words at random, said twice. kinds: heads by kind. effects:
    by path and by what is changed in the sentence.
    """

    difference: Interval
    preferred: float
    parts: Mapping[str, Mapping[str, Interval]]
    scores: Mapping[str, Mapping[str, float]]
    kinds: Mapping[str, Sequence[str]]
    effects: Mapping[str, Mapping[str, Interval]]


class Dissection:
    """One network's heads by kind, found from the logits backwards."""

    def __init__(self, sentences: Sentences, scores: HeadScores) -> None:
        self.sentences = sentences
        self.scores = {
            str(head): {
                name: float(getattr(scores, name)[head.layer, head.index])
                for name in ("previous", "duplicate", "induction", "copying", "negative")
            }
            for head in sentences.heads
        }
        self.parts = self._parts()
        self.movers = self._of(MOVER)
        self._add_queries()
        self.inhibition = self._of(INHIBITION)
        self.duplicate, self.induction = self._of(DUPLICATE), self._of(INDUCTION)
        self.previous = self._of(PREVIOUS)

    def _parts(self) -> dict[str, dict[str, Interval]]:
        s = self.sentences
        found = {str(part): {DIRECT: s.direct(GIVER, [part])} for part in s.network.parts}
        weights = [value_weighted(s.network, s.base, n) for n in range(s.network.n_layers)]
        keep = s.cases.followed
        for head in s.heads:
            from_end, from_s2 = (
                self._attention(pattern[head.layer][:, head.index], query)
                for pattern, query in ((weights, END), (s.base.patterns, S2))
            )
            raised = s.raised(BOTH, [head])
            found[str(head)] |= dict(zip((RAISES_IO, RAISES_S), raised, strict=True))
            looks = {TO_IO: from_end(IO), TO_S1: from_end(S1), TO_S2: from_end(S2)}
            looks[REPEATED] = from_s2(S1) - from_s2(IO)
            if keep.any():
                looks[FOLLOWED] = (from_s2(AFTER_S1) - from_s2(AFTER_IO))[keep]
            found[str(head)] |= {name: s.mean(values) for name, values in looks.items()}
        return found

    def _attention(
        self, pattern: Float[Tensor, "B T T"], query: str
    ) -> Callable[[str], Float[Tensor, " B"]]:
        """Of one head, from one position to others, by name."""
        columns, row = self.sentences.cases.base.columns, torch.arange(len(pattern))
        return lambda key: pattern[row, columns[query], columns[key]]

    def _of(self, kind: str) -> list[Part]:
        """Heads of a kind."""
        return [
            head
            for head in self.sentences.heads
            if kind in kinds_of(self.parts[str(head)], self.scores[str(head)])
        ]

    def _add_queries(self) -> None:
        """What every part before the last mover tells the movers' queries at the end."""
        if not self.movers:
            return
        last, hop = max(m.depth for m in self.movers), read(self.movers, "q", END)
        for part in self.sentences.network.parts:
            if part.depth < last:
                path = Path(sent([part], END), (hop,))
                self.parts[str(part)][QUERIES] = self.sentences.logits(GIVER, path)

    def measured(self) -> Measured:
        """All that was found."""
        s = self.sentences
        effects: Effects = {ALL_HEADS: {k: s.direct(k, s.heads) for k in self._kinds(GIVER)}}
        effects |= self._learn_by()
        if self.movers:
            effects |= {**self._keys(), **self._left()}
        if self.inhibition:
            effects |= {**self._sent(), **self._made_of()}
        effects |= self._composed()
        kinds = {
            str(head): kinds_of(self.parts[str(head)], self.scores[str(head)]) for head in s.heads
        }
        return Measured(
            s.mean(s.difference),
            float((s.difference > 0).float().mean()),
            self.parts,
            self.scores,
            {kind: [name for name, own in kinds.items() if kind in own] for kind in KINDS},
            effects,
        )

    def _kinds(self, *wanted: str) -> list[str]:
        """Of these changes and that of the scenery, those that there are; all, if none is named."""
        pairs = self.sentences.pairs
        return [k for k in pairs if k in (*wanted, SCENERY)] if wanted else [*pairs]

    def _learn_by(self) -> Effects:
        """Where do heads that work for IO learn who gives?"""
        s, working = self.sentences, [*self.movers, *self._of(SUPPRESSOR)]
        if not working:
            return {}
        return {
            LEARN_BY[slot]: {
                kind: s.logits(kind, Path(sent(s.network.parts, at), (read(working, slot, at),)))
                for kind in self._kinds(GIVER)
            }
            for slot, at in READING.items()
        }

    def _keys(self) -> Effects:
        """Do the movers use the name that IO is in their keys?"""
        s = self.sentences
        path = Path(sent(s.network.parts, IO), (read(self.movers, "k", IO),))
        kinds = self._kinds(flips.IO, NO_NAME, OF_S1)
        return {
            KEYS: {kind: s.logits(kind, path) for kind in kinds},
            KEYS + ATTENTION: {kind: s.attention(kind, path, END, IO) for kind in kinds},
            KEYS + SIZE: {kind: s.attention(kind, path, END, IO, size=True) for kind in kinds},
        }

    def _sent(self) -> Effects:
        """What do inhibition heads tell the movers' queries?"""
        s = self.sentences
        path = Path(sent(self.inhibition, END), (read(self.movers, "q", END),))
        kinds = [kind for kind in self._kinds() if kind in flips.FLIPS]
        toward = {}
        for kind in kinds:
            looks = s.looks(kind, path, END, (IO, S1))
            toward[kind] = s.mean(looks.favours(S1).double())
        return {
            SENT: {kind: s.logits(kind, path) for kind in kinds},
            SENT + ATTENTION: {kind: s.attention(kind, path, END, IO) for kind in kinds},
            TOWARD_S1: toward,
        }

    def _made_of(self) -> Effects:
        """Where do inhibition heads look, and what do they read there?"""
        s, inhibition = self.sentences, self.inhibition
        queries = read(self.movers, "q", END)
        weights = torch.stack(
            [value_weighted(s.network, s.base, h.layer)[:, h.index] for h in inhibition]
        )
        columns, row = s.cases.base.columns, torch.arange(len(s.cases.io))
        most = weights.mean(0)[row, columns[END]].argmax(-1)
        effects: Effects = {AT_S2: {"": s.mean((most == columns[S2]).double())}}
        for slot, at in READING.items():
            path = Path(sent(s.network.parts, at), (read(inhibition, slot, at), queries))
            effects[THROUGH[slot]] = {k: s.logits(k, path) for k in self._kinds(GIVER)}
        groups = {
            REPETITION: [*self.duplicate, *self.induction],
            ONLY_DUPLICATE: self.duplicate,
            ONLY_INDUCTION: self.induction,
            **{f"{part} to v of inhibition heads": [part] for part in s.network.parts},
        }
        values = (read(inhibition, "v", S2), queries)
        for name, group in groups.items():
            if any(part.depth < max(h.depth for h in inhibition) for part in group):
                path = Path(sent(dict.fromkeys(group), S2), values)
                kinds = self._kinds(GIVER, flips.S, flips.ORDER)
                effects[name] = {kind: s.logits(kind, path) for kind in kinds}
        return effects

    def _composed(self) -> Effects:
        """Do duplicate-token heads tell induction heads where to look from S2?"""
        s, keep = self.sentences, self.sentences.cases.followed
        later = [h for h in self.induction if any(d.depth < h.depth for d in self.duplicate)]
        if not later or not keep.any():
            return {}

        def moved(senders: Sequence[Part], slot: Slot, at: str, kind: str) -> Interval:
            path = Path(sent(senders, at), (read(later, slot, at),))
            return s.attention(kind, path, S2, AFTER_S1, keep)

        effects = {
            COMPOSED: {k: moved(self.duplicate, "q", S2, k) for k in self._kinds(GIVER)},
            ALL_QUERIES: {GIVER: moved(s.network.parts, "q", S2, GIVER)},
            ALL_KEYS: {flips.S1: moved(s.network.parts, "k", AFTER_S1, flips.S1)},
        }
        if self.previous:
            effects[BY_KEYS] = {flips.S1: moved(self.previous, "k", AFTER_S1, flips.S1)}
        return effects

    def _left(self) -> Effects:
        """What of the difference is left without movers, and with these alone?"""
        s, others = self.sentences, [h for h in self.sentences.heads if h not in self.movers]

        def left(lost: Interval) -> dict[str, Interval]:
            return {BOTH: Interval(1 + lost.mean, 1 + lost.low, 1 + lost.high)}

        return {
            MOVERS: left(s.direct(BOTH, self.movers)),
            MOVERS_ON: left(s.everywhere(BOTH, self.movers)),
            OTHERS: left(s.direct(BOTH, others)),
            NO_HEAD: left(s.direct(BOTH, s.heads)),
        }
