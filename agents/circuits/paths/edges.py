"""Edge patching: a set of edges carries another run's values, and all that follows recomputes.

Where path patching holds everything else, here the whole network behind an edge answers to the
change, as in A. Conmy et al., "Towards automated circuit discovery", 2023: a reader of a patched
edge sees what the sender adds in the other run; on the edges left alone it sees what the sender
adds now. With every edge patched the run is the other one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from agents.circuits.patching import Metric
from agents.circuits.paths.network import Addition, Network, Outputs, Run
from agents.circuits.paths.parts import LOGITS, Edge, Part, Receiver, Sender, Slot
from agents.circuits.paths.patching import Pair
from agents.circuits.paths.prompts import Prompts, change


def receivers(network: Network) -> tuple[Receiver, ...]:
    """Every slot of every part, then the logits, at all positions."""
    slots = [Receiver(part, slot) for part in network.parts for slot in part.slots]
    return (*slots, LOGITS)


def senders_to(network: Network, part: Part | None) -> tuple[Part, ...]:
    """The parts computed before ``part``; all of them for the logits (None)."""
    return tuple(p for p in network.parts if part is None or p.depth < part.depth)


def all_edges(network: Network) -> tuple[Edge, ...]:
    """Every part to every slot that is read after it, at all positions."""
    return tuple(
        Edge(Sender(part), receiver)
        for receiver in receivers(network)
        for part in senders_to(network, receiver.part)
    )


def edges_from(network: Network, part: Part) -> tuple[Edge, ...]:
    """A part to every slot that is read after it, at all positions: all that it tells."""
    return tuple(edge for edge in all_edges(network) if edge.sender.part == part)


@torch.no_grad()
def patch_edges(
    network: Network, base: Prompts, edges: Mapping[Edge, Run]
) -> Float[Tensor, "B T V"]:
    """Logits of the base prompts where every edge carries the values of its run."""
    return network.run(base, _additions(network, base, edges)).logits


def edge_effect(pair: Pair, edges: Iterable[Edge], metric: Metric) -> Float[Tensor, " B"]:
    """The metric with these edges patched from the new run at once, less that of the base run."""
    patched = dict.fromkeys(edges, pair.new)
    add = _additions(pair.network, pair.base.prompts, patched)
    first = min((pair.network.place(edge.receiver)[0] for edge in patched), default=0)
    with torch.no_grad():
        logits = pair.network.run_from(pair.base, first, add).logits
    return metric(logits) - metric(pair.base.logits)


def edge_effects(
    pair: Pair, edges: Iterable[Edge], metric: Metric
) -> dict[Edge, Float[Tensor, " B"]]:
    """Of every edge by itself: one run each."""
    return {edge: edge_effect(pair, [edge], metric) for edge in edges}


def _additions(network: Network, base: Prompts, edges: Mapping[Edge, Run]) -> Addition:
    """What the patched edges add to what is read: the other run's output less the present one."""
    read_at: dict[tuple[int, Slot], list[Edge]] = defaultdict(list)
    for edge in edges:
        read_at[network.place(edge.receiver)].append(edge)

    def add(layer: int, slot: Slot, outputs: Outputs) -> Tensor | None:
        here = read_at.get((layer, slot))
        if not here:
            return None
        total = torch.zeros_like(next(iter(outputs.values())))
        if slot in ("mlp", "logits"):
            return total + sum(_difference(edge, base, edges[edge], outputs) for edge in here)
        by_head = [total] * network.n_heads
        for edge in here:
            index = edge.receiver.part.index if edge.receiver.part else 0
            by_head[index] = by_head[index] + _difference(edge, base, edges[edge], outputs)
        return torch.stack(by_head, dim=2)

    return add


def _difference(edge: Edge, base: Prompts, run: Run, outputs: Outputs) -> Float[Tensor, "B T d"]:
    sender, receiver = edge.sender, edge.receiver
    there = (run.outputs[sender.part], run.prompts)
    difference = change(outputs[sender.part], base, *there, sender.at)
    return difference * base.mask(receiver.at)
