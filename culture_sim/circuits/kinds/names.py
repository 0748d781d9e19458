"""Names: name movers, S-inhibition heads and the others, by the thresholds of the experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agents.circuits.paths import Network
from culture_sim.circuits.kinds import kinds
from culture_sim.experiments.names.cases import cases_of
from culture_sim.experiments.names.circuit import Dissection
from culture_sim.experiments.names.dissected import scores_of
from culture_sim.experiments.names.effects import Sentences
from culture_sim.experiments.names.heads import kinds_of
from world import Stream
from world.names import NamesWorld


@kinds.register("names")
def kinds_of_names(
    world: NamesWorld, network: Network, sentences: int, stream: Stream
) -> Mapping[str, Sequence[str]]:
    """By path patching, from the logits backwards (``culture_sim.experiments.names``)."""
    rng = stream.with_role("kinds").generator()
    found = Dissection(
        Sentences(network, cases_of(world, sentences, stream), rng),
        scores_of(network, world, rng),
    )
    return {
        str(head): kinds_of(found.parts[str(head)], found.scores[str(head)])
        for head in found.sentences.heads
    }
