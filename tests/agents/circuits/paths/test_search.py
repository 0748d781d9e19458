"""The search returns the planted circuit, whole and nothing else, and stops at noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from agents.circuits.paths import (
    EMBED,
    LOGITS,
    Edge,
    Pair,
    Prompts,
    Receiver,
    SearchConfig,
    Sender,
    find_paths,
    found_edges,
    head,
    mlp,
)
from tests.helpers.planted_circuits import (
    induction_case,
    induction_network,
    names_case,
    names_network,
    random_network,
)

PROMPTS = 16
DUPLICATE, INHIBITION, MOVER = head(0, 0), head(1, 0), head(2, 0)


def edge(sender, receiver, slot="mlp"):
    return Edge(Sender(sender), Receiver(receiver, slot))


def searched(network, case, **options):
    pair = Pair.of(network, case.base, case.new)
    return find_paths(pair, case.metric, np.random.default_rng(0), **options)


@pytest.mark.parametrize("norm", [None, "LNPre"])
@pytest.mark.parametrize("relay", [False, True])
def test_inhibition_is_found_exactly(norm, relay):
    case = names_case("S2", PROMPTS)
    found = searched(names_network(relay, norm), case, config=SearchConfig(depth=6))
    between = (
        {edge(INHIBITION, mlp(1)), edge(mlp(1), MOVER, "q")}
        if relay
        else {edge(INHIBITION, MOVER, "q")}
    )
    assert found_edges(found) == {
        edge(EMBED, DUPLICATE, "q"),
        edge(DUPLICATE, INHIBITION, "v"),
        *between,
        Edge(Sender(MOVER), LOGITS),
    }
    assert len(found) == 4 + relay
    assert all(finding.effect.high < -0.5 and finding.p < 0.05 for finding in found)


@pytest.mark.parametrize("norm", [None, "LNPre"])
def test_induction_is_found_exactly(norm):
    found = searched(induction_network(norm), induction_case(count=PROMPTS))
    assert [str(finding.path) for finding in found] == [
        "1.0 -> logits",
        "0.0 -> 1.0.k -> logits",
        "embed -> 0.0.v -> 1.0.k -> logits",
    ]


def test_positions_are_found_too():
    """The induction head finds its keys after either letter; the previous-token head reads both."""
    case = induction_case(count=PROMPTS)
    config = SearchConfig(positions=("A", "B", "D", "C", "END"), width=12)
    found = searched(induction_network(), case, config=config)
    places = {str(one.receiver) for one in found_edges(found)}
    assert places == {"logits", "1.0.k@B", "1.0.k@C", "0.0.v@A", "0.0.v@D"}


def test_a_search_may_begin_at_a_slot_and_leave_out_hops():
    case = names_case("S2", PROMPTS)
    network = names_network(relay=True)
    toward = ((Receiver(MOVER, "q"),), (LOGITS,))
    config = SearchConfig(depth=1)
    (found,) = searched(network, case, toward=toward, config=config)
    assert str(found.path) == "m1 -> 2.0.q -> logits"
    through = searched(network, case, toward=toward, config=replace(config, through_mlps=True))
    paths = {str(finding.path) for finding in through}
    assert paths == {"m1 -> 2.0.q -> logits", "1.0 -> 2.0.q -> logits"}


def test_what_noise_does_as_well_is_not_found():
    case = names_case("S2", PROMPTS)
    pair = Pair.of(names_network(), case.base, case.new)
    assert not searched(pair.network, case, noise=[pair])
    names = Pair.of(pair.network, case.base, names_case("names", PROMPTS).new)
    found = searched(pair.network, case, noise=[names])
    assert str(found[0].path) == "2.0 -> logits"


def test_effects_of_either_sign_alike_are_no_discoveries():
    generator = torch.Generator().manual_seed(7)
    base, new = (Prompts(torch.randint(0, 11, (24, 9), generator=generator)) for _ in range(2))
    pair = Pair.of(random_network(), base, new)
    sign = torch.randint(0, 2, (24,), generator=generator) * 2.0 - 1

    def metric(logits):
        return sign * logits[:, -1, 3]

    config = SearchConfig(depth=2, least=0.0)
    assert not find_paths(pair, metric, np.random.default_rng(0), config=config)


def test_few_prompts_discover_nothing():
    assert not searched(names_network(), names_case("S2", count=4))
