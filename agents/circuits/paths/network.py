"""A HookedTransformer as a sum: every part reads the residual stream and adds to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from agents.circuits.paths.parts import (
    EMBED,
    HEAD_SLOTS,
    POS_EMBED,
    Part,
    Receiver,
    Slot,
    head,
    mlp,
)
from agents.circuits.paths.prompts import Prompts
from world.core.errors import UserError

if TYPE_CHECKING:
    from transformer_lens import HookedTransformer

Outputs = Mapping[Part, Float[Tensor, "B T d"]]
"""What every part adds to the residual stream."""
Addition = Callable[[int, Slot, Outputs], Tensor | None]
"""What to add to the stream before a layer reads it in a slot, given what was written so far.

[B, T, H, d] for the slots of the heads, [B, T, d] for an MLP and the logits; None for nothing.
"""
PLAIN = {
    "positional_embedding_type": ("standard",),
    "normalization_type": ("LN", "LNPre", None),
    "attention_dir": ("causal",),
    "parallel_attn_mlp": (False,),
    "n_key_value_heads": (None,),
    "use_local_attn": (False,),
    "use_qk_norm": (False,),
    "use_normalization_before_and_after": (False,),
}
"""What a configuration must say for the network to be the sum that is computed here."""
TOLERANCE = 1e-3
"""How far logits computed here may be from the network's own, as a share of the largest."""


@dataclass(frozen=True)
class Run:
    """Everything that a network computes on B prompts of T tokens; H heads of width e.

    outputs: by part. streams: what is read at each depth, see ``Part.depth``; the last by the
    logits. slots: queries, keys and values by layer and slot. patterns: by layer, queries before
    keys.
    """

    prompts: Prompts
    outputs: Outputs
    streams: Mapping[int, Float[Tensor, "B T d"]]
    slots: Mapping[tuple[int, Slot], Float[Tensor, "B T H e"]]
    patterns: Sequence[Float[Tensor, "B H T T"]]
    logits: Float[Tensor, "B T V"]


class Network:
    """The parts of a HookedTransformer, each to be computed by itself on a changed stream.

    Folded and unfolded norms alike. Raises UserError for a network that is no plain sum, such as
    one with rotary positions.
    """

    def __init__(self, model: HookedTransformer) -> None:
        for option, plain in PLAIN.items():
            if (value := getattr(model.cfg, option, plain[0])) not in plain:
                raise UserError(f"a network with {option}={value!r} has no paths to patch")
        self.model = model
        self.n_layers, self.n_heads = model.cfg.n_layers, model.cfg.n_heads
        self.n_depths = 2 * self.n_layers + 2
        self.parts = (EMBED, POS_EMBED, *self._inner_parts())

    def _inner_parts(self) -> list[Part]:
        parts = []
        for layer in range(self.n_layers):
            parts += [head(layer, index) for index in range(self.n_heads)]
            parts += [] if self.model.cfg.attn_only else [mlp(layer)]
        return parts

    def place(self, receiver: Receiver) -> tuple[int, Slot]:
        """The layer and slot of a receiver; the logits come after the last layer."""
        return (receiver.part.layer if receiver.part else self.n_layers), receiver.slot

    @torch.no_grad()
    def read(self, prompts: Prompts) -> Run:
        """One run. Raises UserError if the network computes something else than this sum."""
        run = self.run(prompts)
        own = self.model(prompts.tokens)
        if (own - run.logits).abs().max() > TOLERANCE * own.abs().max().clamp(min=1.0):
            raise UserError("this network is no sum of its parts: no path to patch")
        return run

    def run(
        self, prompts: Prompts, add: Addition | None = None, embeddings: Outputs | None = None
    ) -> Run:
        """A run with ``add`` to what is read, and ``embeddings`` in place of the network's own."""
        outputs = dict(embeddings or self.embeddings(prompts))
        return self._run(prompts, add, outputs, outputs[EMBED] + outputs[POS_EMBED])

    def run_from(self, run: Run, layer: int, add: Addition) -> Run:
        """A run again, from ``layer`` on, with ``add`` to what is read there and after it.

        What stands before is that of ``run``. layer: 0 .. L; with L only the logits are new.
        """
        outputs = {part: output for part, output in run.outputs.items() if part.layer < layer}
        return self._run(run.prompts, add, outputs, run.streams[2 * layer + 1], run, layer)

    def _run(
        self,
        prompts: Prompts,
        add: Addition | None,
        outputs: dict[Part, Tensor],
        stream: Tensor,
        before: Run | None = None,
        first: int = 0,
    ) -> Run:
        """From the stream before layer ``first``; all before it is that of another run."""
        streams: dict[int, Tensor] = {}
        slots: dict[tuple[int, Slot], Tensor] = {}
        patterns: list[Tensor] = []
        if before is not None:
            streams = {depth: x for depth, x in before.streams.items() if depth < 2 * first + 1}
            slots = {place: x for place, x in before.slots.items() if place[0] < first}
            patterns = list(before.patterns[:first])
        heads = list(range(self.n_heads))

        def extra(layer: int, slot: Slot) -> Tensor | float:
            added = None if add is None else add(layer, slot, outputs)
            return 0.0 if added is None else added

        for layer in range(first, self.n_layers):
            streams[2 * layer + 1] = stream
            for slot in HEAD_SLOTS:
                read = stream[:, :, None] + extra(layer, slot)
                slots[layer, slot] = self.project(layer, slot, read, heads)
            q, k, v = (slots[layer, slot] for slot in HEAD_SLOTS)
            patterns.append(self.pattern(layer, q, k))
            results = self.head_results(layer, patterns[-1], v, heads)
            outputs |= {head(layer, index): results[:, :, index] for index in heads}
            stream = stream + results.sum(2) + self.model.blocks[layer].attn.b_O
            if mlp(layer) in self.parts:
                streams[2 * layer + 2] = stream
                outputs[mlp(layer)] = self.mlp(layer, stream + extra(layer, "mlp"))
                stream = stream + outputs[mlp(layer)]
        streams[self.n_depths - 1] = stream
        logits = self.logits(stream + extra(self.n_layers, "logits"))
        return Run(prompts, outputs, streams, slots, patterns, logits)

    def embeddings(self, prompts: Prompts) -> dict[Part, Float[Tensor, "B T d"]]:
        """Of tokens and of positions."""
        tokens = prompts.tokens
        return {EMBED: self.model.embed(tokens), POS_EMBED: self.model.pos_embed(tokens)}

    def project(
        self, layer: int, slot: Slot, x: Float[Tensor, "B T n d"], heads: Sequence[int]
    ) -> Float[Tensor, "B T h e"]:
        """Queries, keys or values of h heads, each of its own stream, or of one for all (n = 1)."""
        attention = self.model.blocks[layer].attn
        weight = getattr(attention, f"W_{slot.upper()}")[heads]
        bias = getattr(attention, f"b_{slot.upper()}")[heads]
        normed = self.model.blocks[layer].ln1(x)
        return torch.einsum("btnd,nde->btne", normed.expand(-1, -1, len(heads), -1), weight) + bias

    def pattern(
        self, layer: int, q: Float[Tensor, "B T h e"], k: Float[Tensor, "B T h e"]
    ) -> Float[Tensor, "B h T T"]:
        """Attention weights of h heads over the positions up to their own."""
        scores = torch.einsum("bqhe,bkhe->bhqk", q, k) / self.model.blocks[layer].attn.attn_scale
        hidden = torch.ones_like(scores[0, 0], dtype=torch.bool).triu(1)
        return scores.masked_fill(hidden, -torch.inf).softmax(-1)

    def head_results(
        self,
        layer: int,
        pattern: Float[Tensor, "B h T T"],
        v: Float[Tensor, "B T h e"],
        heads: Sequence[int],
    ) -> Float[Tensor, "B T h d"]:
        """What h heads add to the stream."""
        z = torch.einsum("bhqk,bkhe->bqhe", pattern, v)
        return torch.einsum("bqhe,hed->bqhd", z, self.model.blocks[layer].attn.W_O[heads])

    def mlp(self, layer: int, x: Float[Tensor, "B T d"]) -> Float[Tensor, "B T d"]:
        """What an MLP adds to the stream that it reads."""
        block = self.model.blocks[layer]
        added: Tensor = block.mlp(block.ln2(x))
        return added

    def logits(self, stream: Float[Tensor, "B T d"]) -> Float[Tensor, "B T V"]:
        """Of the stream after the last layer."""
        normed = self.model.cfg.normalization_type is not None
        logits: Tensor = self.model.unembed(self.model.ln_final(stream) if normed else stream)
        return logits
