"""Heads are matched by what they do: planted circuits, and profiles made by hand."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import permutations

import numpy as np
import pytest
import torch

from agents.circuits import logit_difference
from agents.circuits.paths import Network, Pair, Prompts, Receiver, Sender, edge_effect, head
from agents.circuits.paths.edges import edges_from
from agents.circuits.paths.parts import Edge
from agents.circuits.profiles import (
    NULLS,
    WAYS,
    Profiles,
    agreement,
    assign,
    cosine,
    match_heads,
    measure_profiles,
)
from tests.helpers.planted_circuits import letters, names_network, names_prompts, random_network

COUNT = 8


def planted(model) -> Profiles:
    """Of heads, on A B B and B A B in turn; the other of the two gives, or another is named."""
    a, b, c = letters(COUNT, 3, seed=3).unbind(1)
    first = torch.arange(COUNT) % 2 == 0

    def prompts(io, s, giver, io_first=first):
        pair = torch.where(io_first, io, s), torch.where(io_first, s, io)
        return names_prompts(torch.stack([*pair, giver], 1))

    base = prompts(a, b, b)
    changed = {
        "giver": prompts(a, b, a),
        "io": prompts(c, b, b),
        "order": prompts(a, b, b, ~first),
    }
    metric = logit_difference(base.columns["END"], a, b)
    found = measure_profiles(Network(model), base, changed, metric)
    return found.of("head", tuple(changed))


def with_heads_swapped(model):
    """The two heads of every layer in each other's place."""
    for block in model.blocks:
        for name in ("W_Q", "W_K", "W_V", "W_O", "b_Q", "b_K", "b_V"):
            weight = getattr(block.attn, name)
            weight.copy_(weight[[1, 0]].clone())
    return model


@cache
def of_circuit() -> Profiles:
    return planted(names_network())


@pytest.fixture
def circuit(unchecked) -> Profiles:
    """Shapes are checked in smaller cases."""
    return of_circuit()


def test_a_planted_circuit_has_the_profile_that_was_planted(circuit):
    """The mover writes the answer; the inhibition head tells queries, the duplicate head values."""
    found = circuit.shares()
    giver, order = circuit.changes.index("giver"), circuit.changes.index("order")
    want = {("2.0", giver, "logits"): -2, ("1.0", giver, "q"): -2, ("0.0", giver, "v"): -2}
    want |= {("1.0", order, "q"): -2, ("0.0", order, "v"): -2}
    for (part, change, way), effect in want.items():
        row = [str(p) for p in circuit.parts].index(part)
        assert found[row, change, WAYS.index(way)] == pytest.approx(effect, abs=1e-4)
    bystanders = [n for n, part in enumerate(circuit.parts) if part.index == 1]
    assert np.abs(found[bystanders]).max() < 1e-6


def test_an_agent_with_its_heads_in_other_places_is_matched_exactly(circuit):
    other = planted(with_heads_swapped(names_network()))
    rng = np.random.default_rng(0)
    of = agreement(circuit, other, rng, resamples=20, draws=39)
    assert of.value == pytest.approx(1.0)
    assert max(of.p.values()) <= 0.05
    assert of.in_place == 0.0
    matched = match_heads(circuit, other, rng, resamples=20)
    acting = [0, 2, 4]
    assert matched.part[acting].tolist() == [1, 3, 5]
    assert matched.cosine[acting] == pytest.approx(1.0)
    assert matched.stable[acting] == pytest.approx(1.0)
    same = agreement(circuit, circuit, rng, resamples=20, draws=9)
    assert (same.in_place, same.value) == (1.0, pytest.approx(1.0))


def test_an_agent_with_another_circuit_does_not_beat_the_null(circuit):
    model = names_network()
    generator = torch.Generator().manual_seed(1)
    for weight in model.parameters():
        weight.copy_(0.3 * torch.randn(weight.shape, generator=generator))
    of = agreement(circuit, planted(model), np.random.default_rng(0), resamples=20, draws=39)
    assert max(of.p[name] for name in NULLS) > 0.05
    assert of.between < 0.3


def by_hand(rng, heads=6, noise=0.0, like=None) -> Profiles:
    """Profiles drawn at random, or those of another, its heads in another order."""
    truth = rng.normal(size=(heads, 5, 4, 1)) if like is None else like
    effects = truth + noise * rng.normal(size=(heads, 5, 4, 20))
    parts = tuple(head(0, index) for index in range(heads))
    return Profiles(parts, tuple("abcde"), effects.astype(np.float32), np.ones(20, np.float32))


@pytest.mark.usefixtures("unchecked")
def test_networks_that_have_nothing_in_common_are_found_alike_as_often_as_they_should():
    """p is below 0.1 in about a tenth of the cases; with truth in common always."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(40):
        of = agreement(by_hand(rng, noise=0.2), by_hand(rng, noise=0.2), rng, resamples=2, draws=19)
        found.append(max(of.p[name] for name in NULLS))
    assert np.mean(np.array(found) <= 0.1) < 0.2
    truth = rng.normal(size=(6, 5, 4, 1))
    order = rng.permutation(6)
    a, b = by_hand(rng, noise=0.5, like=truth), by_hand(rng, noise=0.5, like=truth[order])
    of = agreement(a, b, rng, resamples=40, draws=39)
    assert max(of.p.values()) == pytest.approx(1 / 40)
    assert of.interval[0] < 1.0 < of.interval[1]
    assert match_heads(a, b, rng, resamples=5).part.tolist() == np.argsort(order).tolist()


def test_networks_of_other_sizes_are_matched():
    """What one network has more of is matched with nothing."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(6, 5, 4, 1))
    larger, smaller = by_hand(rng, like=truth), by_hand(rng, heads=4, like=truth[:4])
    matched = match_heads(larger, smaller, rng, resamples=3)
    assert matched.part.tolist() == [0, 1, 2, 3, -1, -1]
    assert matched.size_b[4:].tolist() == [0.0, 0.0]
    for one, other in ((larger, smaller), (smaller, larger)):
        of = agreement(one, other, rng, resamples=3, draws=9)
        assert of.null < of.between < of.ceiling == pytest.approx(1.0)


def test_a_null_keeps_what_it_says():
    """And takes both halves of the prompts apart alike, as those of one network."""
    rng = np.random.default_rng(0)
    profile, last = rng.normal(size=(6, 5, 4)), np.arange(6) >= 4
    profile[last, :, 1:] = 0.0
    halves = np.stack([profile, 2 * profile])
    dealt, shuffled = (
        NULLS[name](halves, last, rng) for name in ("effects dealt", "changes shuffled")
    )
    for rows in (last, ~last):
        assert np.sort(dealt[0, rows], axis=0) == pytest.approx(np.sort(profile[rows], axis=0))
    assert np.sort(shuffled[0], axis=1) == pytest.approx(np.sort(profile, axis=1))
    for drawn in (dealt, shuffled):
        assert not np.allclose(drawn[0], profile)
        assert drawn[1] == pytest.approx(2 * drawn[0])


def layered(rng) -> Profiles:
    """Heads of two layers; nobody reads the second but the logits. In each condition all heads have
    effects of about one size, as the task may decide."""
    effects = (1 + rng.normal(size=(9, 5, 4, 1))) * np.arange(1, 6)[:, None, None]
    effects[6:, :, 1:] = 0.0
    effects = effects + 0.1 * rng.normal(size=(9, 5, 4, 20)) * (effects != 0)
    parts = tuple(head(number // 6, number) for number in range(9))
    return Profiles(parts, tuple("abcde"), effects.astype(np.float32), np.ones(20, np.float32))


@pytest.mark.usefixtures("unchecked")
def test_what_any_two_networks_have_in_common_is_in_the_null():
    """That heads of the last layer tell no later head anything does not make networks alike."""
    rng = np.random.default_rng(0)
    found = [
        agreement(layered(rng), layered(rng), rng, resamples=2, draws=19).p["effects dealt"]
        for _ in range(60)
    ]
    assert np.mean(np.array(found) <= 0.1) < 0.2


def test_the_assignment_is_the_best_of_all():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 5, 7))
    best = max(permutations(range(5)), key=lambda order: float((a * b[list(order)]).sum()))
    assert assign(a, b).tolist() == list(best)
    expected = (a * b[list(best)]).sum() / np.sqrt((a**2).sum() * (b**2).sum())
    assert cosine(a, b, assign(a, b)) == pytest.approx(expected)
    assert sorted(assign(a, b[:3]).tolist())[:2] == [-1, -1]


def test_profiles_have_their_shapes():
    """Of every head and MLP, at all positions where prompts name none."""
    network, tokens = Network(random_network(n_layers=1)), torch.arange(27).reshape(3, 9) % 11
    found = measure_profiles(
        network,
        Prompts(tokens),
        {"turned": Prompts(tokens.flip(1))},
        lambda logits: logits[:, -1, 0] - logits[:, -1, 1],
    )
    assert [str(part) for part in found.parts] == ["0.0", "0.1", "m0"]
    assert found.effects.shape == (3, 1, len(WAYS), 3)
    by_way = np.abs(found.effects).max(axis=(1, 3))
    assert (by_way[:, WAYS.index("logits")] > 0).all()
    assert (by_way[:2, WAYS.index("mlp")] > 0).all()
    assert by_way[:, 1:4].max() == by_way[2, 4] == 0.0


def test_shares_of_nothing_are_none():
    """Prompts on which both answers are alike; drawn alone, as a resample may draw them."""
    rng = np.random.default_rng(0)
    profiles = replace(planted(names_network()), metric=np.array(4 * [0.0] + 4 * [1.0], np.float32))
    alike = np.eye(COUNT)[:1]
    assert (profiles.weighted(alike) == 0).all()
    assert np.isfinite(match_heads(profiles, profiles, rng, resamples=50).stable).all()
    assert profiles.weighted(np.eye(COUNT)[4:5])[0] == pytest.approx(profiles.effects[..., 4])


def test_profiles_of_other_prompts_are_refused():
    rng = np.random.default_rng(0)
    a = by_hand(rng)
    with pytest.raises(ValueError, match="other prompts"):
        agreement(a, replace(a, effects=a.effects[:, :2]), rng)


@pytest.mark.usefixtures("unchecked")
def test_a_run_taken_up_from_a_layer_is_the_run_itself():
    """The effect of edges into a late layer, with all that stands before computed or not."""
    network = Network(random_network())
    tokens = torch.arange(18).reshape(2, 9) % 11
    base, new = Prompts(tokens), Prompts(tokens.flip(1))
    pair = Pair.of(network, base, new)
    edges = [Edge(Sender(head(0, 1)), Receiver(head(2, 0), "q"))]
    edges += [e for e in edges_from(network, head(1, 0)) if e.receiver.slot == "mlp"]

    def metric(logits):
        return logits[:, -1, 0] - logits[:, -1, 1]

    moved = {edge: network.read(new).outputs[edge.sender.part] for edge in edges}

    def add(layer, slot, outputs):
        here = [e for e in edges if network.place(e.receiver) == (layer, slot)]
        if not here:
            return None
        sent = sum(moved[e] - outputs[e.sender.part] for e in here)
        return sent if slot == "mlp" else torch.stack([sent, torch.zeros_like(sent)], dim=2)

    whole = metric(network.run(base, add).logits) - metric(pair.base.logits)
    assert torch.allclose(edge_effect(pair, edges, metric), whole, atol=1e-5)
