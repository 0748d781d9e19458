"""Path patching: what reaches the answer along one path, everything else held as it was.

A sender's output is taken from another run and read by one receiver only, whose layer norm is
computed again on the changed stream; what the receiver then adds goes on along the path, hop by
hop, and the other parts never see it. One part may so take different inputs on different paths
(N. Goldowsky-Dill et al., "Localizing model behavior with path patching", 2023). K. Wang et al.
("Interpretability in the wild", 2022) hold only the heads, and let the MLPs between compute again:
``through_mlps``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from agents.circuits.patching import Metric
from agents.circuits.paths.network import Network, Run
from agents.circuits.paths.parts import Part, Path, Receiver, Sender, Slot
from agents.circuits.paths.prompts import Prompts, change

if TYPE_CHECKING:
    from transformer_lens import HookedTransformer

Changes = Mapping[Part, Float[Tensor, "B T d"]]
"""By how much the output of a part differs from the base run."""


@dataclass(frozen=True)
class Pair:
    """A network's runs on base prompts and on new ones, alike but for what is asked about."""

    network: Network
    base: Run
    new: Run

    @classmethod
    def of(cls, model: HookedTransformer | Network, base: Prompts, new: Prompts) -> Pair:
        """Runs both. Raises UserError for a network that is no sum of its parts."""
        network = model if isinstance(model, Network) else Network(model)
        return cls(network, network.read(base), network.read(new))

    def change(self, sender: Sender) -> Float[Tensor, "B T d"]:
        """What the sender adds in the new run less what it adds in the base run."""
        part, base, new = sender.part, self.base, self.new
        outputs = (base.outputs[part], base.prompts, new.outputs[part], new.prompts)
        return change(*outputs, sender.at)

    def changes(self, senders: Sequence[Sender]) -> Changes:
        """Of a group; a part may be named more than once, at other positions."""
        changes: dict[Part, Tensor] = {}
        for sender in senders:
            changes[sender.part] = changes.get(sender.part, 0) + self.change(sender)
        return changes


def path_effect(
    model: HookedTransformer | Network,
    base: Prompts,
    new: Prompts,
    path: Path,
    metric: Metric,
    through_mlps: bool = False,
) -> Float[Tensor, " B"]:
    """The metric of ``base`` with the new run's values along ``path``, less that of ``base``.

    For many paths of the same prompts make a ``Pair`` once, and take ``effect``.
    """
    return effect(Pair.of(model, base, new), path, metric, through_mlps)


def effect(
    pair: Pair, path: Path, metric: Metric, through_mlps: bool = False
) -> Float[Tensor, " B"]:
    """As ``path_effect``, of runs at hand. Raises ValueError if the path ends at no logits."""
    return metric(patched_logits(pair, path, through_mlps)) - metric(pair.base.logits)


@torch.no_grad()
def patched_logits(pair: Pair, path: Path, through_mlps: bool = False) -> Float[Tensor, "B T V"]:
    """Logits of the base prompts with the new run's values along the path."""
    if any(receiver.part is not None for receiver in path.hops[-1]):
        raise ValueError(f"the path {path} does not end at the logits")
    changes = _last_changes(pair, path, through_mlps)
    stream = _streams(pair, changes, through_mlps, pair.network.n_depths - 1)[-1]
    reads = pair.base.streams[pair.network.n_depths - 1] + _at(pair, path.hops[-1], stream)
    return pair.network.logits(reads)


@torch.no_grad()
def patched_pattern(pair: Pair, path: Path, through_mlps: bool = False) -> Float[Tensor, "B T T"]:
    """Attention weights, [query, key], of the one head at which the path ends."""
    parts = {receiver.part for receiver in path.hops[-1]}
    part = next(iter(parts))
    if len(parts) != 1 or part is None or part.kind != "head":
        raise ValueError(f"the path {path} does not end at one head")
    changes = _last_changes(pair, path, through_mlps)
    stream = _streams(pair, changes, through_mlps, part.depth)[-1]
    inputs = _inputs(pair, part, path.hops[-1], stream)
    q, k, _ = (_head_slot(pair, part, slot, inputs) for slot in part.slots)
    return pair.network.pattern(part.layer, q, k)[:, 0]


def _last_changes(pair: Pair, path: Path, through_mlps: bool) -> Changes:
    """What the receivers of the last hop but one add, less what they add in the base run."""
    changes = pair.changes(path.senders)
    for hop in path.hops[:-1]:
        last = max(receiver.part.depth for receiver in hop if receiver.part)
        streams = _streams(pair, changes, through_mlps, last)
        changes = {
            part: _output(pair, part, hop, streams[part.depth]) - pair.base.outputs[part]
            for part in dict.fromkeys(receiver.part for receiver in hop)
            if part is not None
        }
    return changes


def _streams(
    pair: Pair, changes: Changes, through_mlps: bool, last: int
) -> list[Float[Tensor, "B T d"]]:
    """By depth up to ``last``, the change of the stream that is read there."""
    network, base = pair.network, pair.base
    stream = torch.zeros_like(base.streams[1])
    streams, begun = [], False
    for depth in range(last + 1):
        streams.append(stream)
        for part in (part for part in network.parts if part.depth == depth):
            if part in changes:
                stream, begun = stream + changes[part], True
            elif through_mlps and begun and part.kind == "mlp":
                again = network.mlp(part.layer, base.streams[depth] + stream)
                stream = stream + again - base.outputs[part]
    return streams


def _output(
    pair: Pair, part: Part, hop: Sequence[Receiver], stream: Float[Tensor, "B T d"]
) -> Float[Tensor, "B T d"]:
    """What a part adds when its slots in ``hop`` read the stream with this change."""
    inputs = _inputs(pair, part, hop, stream)
    if part.kind == "mlp":
        return pair.network.mlp(part.layer, pair.base.streams[part.depth] + inputs["mlp"])
    q, k, v = (_head_slot(pair, part, slot, inputs) for slot in part.slots)
    pattern = pair.network.pattern(part.layer, q, k)
    return pair.network.head_results(part.layer, pattern, v, [part.index])[:, :, 0]


def _inputs(
    pair: Pair, part: Part, hop: Sequence[Receiver], stream: Float[Tensor, "B T d"]
) -> dict[Slot, Float[Tensor, "B T d"]]:
    """The change that each slot of a part reads; slots that are not in ``hop`` are left out."""
    read_by = {slot: [r for r in hop if r.part == part and r.slot == slot] for slot in part.slots}
    return {slot: _at(pair, by, stream) for slot, by in read_by.items() if by}


def _head_slot(
    pair: Pair, part: Part, slot: Slot, inputs: Mapping[Slot, Tensor]
) -> Float[Tensor, "B T 1 e"]:
    """Queries, keys or values of one head; those of the base run where nothing is changed."""
    if slot not in inputs:
        return pair.base.slots[part.layer, slot][:, :, [part.index]]
    read = pair.base.streams[part.depth] + inputs[slot]
    return pair.network.project(part.layer, slot, read[:, :, None], [part.index])


def _at(
    pair: Pair, receivers: Sequence[Receiver], stream: Float[Tensor, "B T d"]
) -> Float[Tensor, "B T d"]:
    """The change of the stream at the positions at which any of the receivers reads it."""
    masks = [pair.base.prompts.mask(receiver.at) for receiver in receivers]
    return stream * torch.stack(masks).any(0)
