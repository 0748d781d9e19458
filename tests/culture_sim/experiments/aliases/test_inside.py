"""Waves that are planted are found; an alias does for a number exactly where it is embedded so."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agents.config import ModelConfig
from agents.model import build_model
from culture_sim.experiments.aliases import inside
from culture_sim.experiments.aliases.inside import (
    ALL,
    DOUBTED,
    LINKED_ALIAS,
    MISLED,
    NUMBER,
    OTHER_ALIAS,
    RANDOM,
    REST,
    SQUARE,
    TRUSTED,
    WAVES,
    embedded,
    exchanged,
    of_waves,
    progress,
    spectra,
    spectrum_names,
    wave_shares,
)
from tests.culture_sim.experiments.aliases.made_up import OPTIONS
from world import QuizBatch
from world.aliases import AliasesWorld
from world.aliases.options import ALIASES, NUMBERS
from world.aliases.rows import ANSWER, FIRST

P = 13
FREQUENCIES = np.arange(1, 7)
MODEL = ModelConfig(d_model=32, n_layers=2, n_heads=2, d_mlp=32)


def waves(place, weights, dim=8):
    """[P, dim]: a sum of waves, each along two directions at right angles to all others."""
    rng = np.random.default_rng(0)
    directions = np.linalg.qr(rng.normal(size=(dim, dim)))[0]
    found = np.full((P, dim), 3.0)
    for number, (k, weight) in enumerate(weights.items()):
        angle = 2 * np.pi * k * place / P
        found += weight * np.outer(np.cos(angle), directions[2 * number])
        found += weight * np.outer(np.sin(angle), directions[2 * number + 1])
    return found


def test_shares_are_those_of_the_fourier_transform():
    vectors = np.random.default_rng(0).normal(size=(P, 5))
    energy = (np.abs(np.fft.fft(vectors, axis=0)) ** 2).sum(axis=1)
    shares = wave_shares(vectors, np.arange(P), P)
    assert shares == pytest.approx(2 * energy[1:7] / energy[1:].sum())
    assert shares.sum() == pytest.approx(1)


def test_planted_waves_are_found_and_taken_apart():
    place = np.arange(P) ** 2 % P
    of_numbers = waves(np.arange(P), {2: 1.0, 5: 2.0})
    assert wave_shares(of_numbers, np.arange(P), P) == pytest.approx([0, 0.2, 0, 0, 0.8, 0])
    assert of_waves(of_numbers, np.arange(P), [2, 5], P) == pytest.approx(of_numbers)
    one, other = (of_waves(of_numbers, np.arange(P), [k], P) - 3.0 for k in (2, 5))
    mean = of_numbers.mean(axis=0) - 3.0
    assert one + other - mean == pytest.approx(of_numbers - 3.0)
    assert ((other - mean) ** 2).sum() == pytest.approx(4 * ((one - mean) ** 2).sum())
    of_squares = waves(place, {3: 1.0})
    assert wave_shares(of_squares, place, P)[2] == pytest.approx(1)
    assert wave_shares(of_squares, np.arange(P), P).max() < 0.5
    assert not wave_shares(np.ones((P, 3)), place, P).any()


def planted(world, vectors, aliases=None):
    """A network whose numbers, and aliases, are embedded as these."""
    model = build_model(MODEL, world, seed=0)
    for alphabet, rows in ((NUMBERS, vectors), (ALIASES, aliases)):
        if rows is not None:
            first = FIRST + alphabet * P
            model.embed.weight.data[first : first + P] = torch.from_numpy(rows).float()
    return model


def test_losses_are_of_what_embeddings_are_left(monkeypatch):
    monkeypatch.setattr(inside, "KEYS", 1)
    world = OPTIONS.world("two tables", 0.6, 0)
    vectors = waves(np.arange(P), {4: 5.0}, dim=32)
    model = planted(world, vectors)
    before = model.embed.weight.detach().clone()
    found = progress(model, world, world.material.cells[NUMBERS][1])
    assert set(found) == {NUMBER, SQUARE}
    of_number = found[NUMBER]
    assert of_number["share"] == pytest.approx(1, abs=1e-5)
    assert of_number[WAVES] == pytest.approx(of_number[ALL], abs=1e-3)
    constant = np.tile(vectors.mean(axis=0), (P, 1))
    without = progress(planted(world, constant), world, world.material.cells[NUMBERS][1])
    assert of_number[REST] == pytest.approx(without[NUMBER][ALL], abs=1e-3)
    assert abs(of_number[REST] - of_number[ALL]) > 1e-3
    assert found[SQUARE]["share"] < 0.9
    assert torch.equal(model.embed.weight, before)
    assert RANDOM in of_number


def test_spectra_are_of_both_alphabets_and_their_difference():
    world = OPTIONS.world("deranged", 0.6, 0)
    numbers = waves(np.arange(P), {4: 1.0}, dim=32)
    model = planted(world, numbers, aliases=np.zeros((P, 32)))
    weight = model.embed.weight.data
    weight[FIRST + P + world.material.partner] = weight[FIRST : FIRST + P].clone()
    found = spectra(model, world)
    assert list(found) == spectrum_names(world)
    assert found[f"numbers, {NUMBER}"][3] == pytest.approx(1, abs=1e-5)
    assert found[f"aliases, {NUMBER}"][3] < 0.9
    assert found[f"difference, {NUMBER}"].max() < 1e-5
    assert embedded(model, world, NUMBERS) == pytest.approx(numbers, abs=1e-5)
    plain = AliasesWorld(modulus=P, operation="sum", tasks=("numbers",))
    assert spectrum_names(plain) == [f"numbers, {NUMBER}"]


@pytest.mark.parametrize("arm", ["linked", "deranged", "tagged"])
def test_an_alias_that_is_embedded_as_its_number_does_for_it(arm, monkeypatch):
    world = OPTIONS.world(arm, 0.6, 0)
    model = planted(world, np.random.default_rng(0).normal(size=(P, 32)) * 3)
    weight = model.embed.weight.data
    weight[FIRST + P + world.material.partner] = weight[FIRST : FIRST + P].clone()
    cells = world.material.cells[NUMBERS][0]
    real = world.rows("numbers", cells)
    with torch.no_grad():
        chosen = model(torch.from_numpy(real.tokens.astype(np.int64)))[:, ANSWER].argmax(-1)

    def rows(self, task, cells):
        """What the network says is right."""
        tokens = real.tokens.copy()
        tokens[:, ANSWER] = chosen.numpy()
        return QuizBatch(tokens, real.layout, real.task)

    monkeypatch.setattr(AliasesWorld, "rows", rows)
    found = exchanged(model, world, cells)
    assert list(found) == ["blocks.0.hook_resid_pre", "blocks.1.hook_resid_pre"]
    for stands in found.values():
        assert stands[LINKED_ALIAS] == [len(cells), len(cells)]
        hits, total = stands[OTHER_ALIAS]
        assert hits < total == len(cells)
        by_tag = [stands[name] for name in (TRUSTED, DOUBTED, MISLED) if name in stands]
        if arm == "tagged":
            assert [hits for hits, _ in by_tag] == [total for _, total in by_tag]
            numbers = [(cells[:, 0] == n).sum() for n in range(P)]
            reliable, own = world.material.reliable, world.material.partner == np.arange(P)
            groups = (reliable, ~reliable & own, ~own)
            assert [total for _, total in by_tag] == [np.dot(numbers, of) for of in groups]
        else:
            assert by_tag == []
    assert exchanged(model, OPTIONS.world("two tables", 0.6, 0), cells) == {}


def test_nothing_is_asked_of_an_agent_that_answers_nothing():
    world = OPTIONS.world("linked", 0.6, 0)
    model = planted(world, np.zeros((P, 32)))
    model.unembed.weight.data.zero_()  # the start token, which is no answer, comes first
    found = exchanged(model, world, world.material.cells[NUMBERS][0])
    assert all(counts == [0, 0] for stands in found.values() for counts in stands.values())
