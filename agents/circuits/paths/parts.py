"""What a path runs over: parts that write to the residual stream, and slots where it is read.

A part is a head, an MLP or an embedding; TransformerLens numbers layers and heads from 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

PartKind = Literal["embed", "pos_embed", "head", "mlp"]
Slot = Literal["q", "k", "v", "mlp", "logits"]
"""Where the stream is read: for queries, keys or values of a head, by an MLP, for the logits."""
HEAD_SLOTS: tuple[Slot, Slot, Slot] = ("q", "k", "v")


@dataclass(frozen=True, order=True)
class Part:
    """What adds to the residual stream. layer: -1 for embeddings. index: of a head."""

    layer: int
    kind: PartKind
    index: int = 0

    @property
    def depth(self) -> int:
        """When it is computed: 0 embeddings, then the heads and the MLP of every layer."""
        return 2 * self.layer + {"head": 1, "mlp": 2}.get(self.kind, 2)

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Where it reads the stream; an embedding does not."""
        if self.kind == "head":
            return HEAD_SLOTS
        return ("mlp",) if self.kind == "mlp" else ()

    def __str__(self) -> str:
        """As "2.1" for head 1 of layer 2, "m2" for the MLP of layer 2."""
        if self.kind == "head":
            return f"{self.layer}.{self.index}"
        return f"m{self.layer}" if self.kind == "mlp" else self.kind


EMBED = Part(-1, "embed")
POS_EMBED = Part(-1, "pos_embed")
"""The embeddings of tokens and of positions."""


def head(layer: int, index: int) -> Part:
    """Head ``index`` of ``layer``."""
    return Part(layer, "head", index)


def mlp(layer: int) -> Part:
    """The MLP of ``layer``."""
    return Part(layer, "mlp")


@dataclass(frozen=True)
class Sender:
    """A part whose output is exchanged, at the positions named ``at``; all of them if None."""

    part: Part
    at: tuple[str, ...] | None = None

    def __str__(self) -> str:
        return f"{self.part}{_places(self.at)}"


@dataclass(frozen=True)
class Receiver:
    """A slot where the exchanged output is read, at the positions named ``at``.

    part: None for the logits. A query is read at its own position, keys and values at the
    positions that are attended to. Raises ValueError if the part has no such slot.
    """

    part: Part | None
    slot: Slot
    at: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        slots = ("logits",) if self.part is None else self.part.slots
        if self.slot not in slots:
            raise ValueError(f"{self.part or 'the logits'} has no slot {self.slot!r}, but {slots}")

    def __str__(self) -> str:
        name = "logits" if self.part is None else f"{self.part}.{self.slot}".replace(".mlp", "")
        return f"{name}{_places(self.at)}"


LOGITS = Receiver(None, "logits")


@dataclass(frozen=True)
class Edge:
    """One sender read in one slot."""

    sender: Sender
    receiver: Receiver

    def __str__(self) -> str:
        return f"{self.sender} -> {self.receiver}"


@dataclass(frozen=True)
class Path:
    """Senders, then receivers hop by hop; each stage is a group.

    The senders' changes are read by all receivers of the first hop, what these change by all of
    the second, and so on. The last hop is the logits, or heads whose pattern is asked for.
    """

    senders: tuple[Sender, ...]
    hops: tuple[tuple[Receiver, ...], ...]

    def __post_init__(self) -> None:
        if not self.hops or any(r.part is None for hop in self.hops[:-1] for r in hop):
            raise ValueError("a path needs a receiver, and nothing comes after the logits")

    @classmethod
    def of(cls, senders: Sender | Sequence[Sender], *hops: Receiver | Sequence[Receiver]) -> Path:
        """A stage of one need not be a sequence. Raises ValueError without a hop."""
        first = (senders,) if isinstance(senders, Sender) else tuple(senders)
        return cls(first, tuple((h,) if isinstance(h, Receiver) else tuple(h) for h in hops))

    @property
    def edges(self) -> tuple[Edge, ...]:
        """Every sender to every receiver of the next stage that is computed after it."""
        between = [[Sender(r.part) for r in hop if r.part] for hop in self.hops[:-1]]
        stages = [self.senders, *between]
        return tuple(
            Edge(sender, receiver)
            for senders, hop in zip(stages, self.hops, strict=True)
            for sender in senders
            for receiver in hop
            if receiver.part is None or sender.part.depth < receiver.part.depth
        )

    def __str__(self) -> str:
        return " -> ".join("+".join(map(str, stage)) for stage in (self.senders, *self.hops))


def _places(at: tuple[str, ...] | None) -> str:
    return "" if at is None else f"@{','.join(at)}"
