"""Features that fire alike are found, and none where there are none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse

from agents.config import ModelConfig
from agents.hooks import capture
from agents.model import build_model
from culture_sim.experiments.aliases.features import (
    ANSWERED,
    BY_CHANCE,
    BY_LINK,
    BY_NUMBER,
    READ,
    alike,
)
from tests.culture_sim.experiments.aliases.made_up import OPTIONS
from world.aliases.rows import ANSWER, FIRST, X

P = 13
SITE = "blocks.0.hook_resid_post"


def test_features_of_linked_letters_are_told_from_any():
    """Of four features two fire alike at linked letters, one is of numbers alone, one is silent."""
    rng = np.random.default_rng(0)
    partner = np.roll(np.arange(P), 1)
    means = np.zeros((2, P, 4))
    means[0, :, :3] = rng.random((P, 3))
    means[1, partner, :2] = 5 * means[0, :, :2] + 1
    found = alike(means, partner, rng)
    assert (found["live"], found["both"]) == (3, 2)
    assert found[BY_LINK] == pytest.approx({"correlation": 2 / 3, "strongest": 2 / 3})
    slow = [np.corrcoef(means[0, :, f], means[1, :, f])[0, 1] for f in (0, 1)]
    assert found[BY_NUMBER]["correlation"] == pytest.approx(sum(slow) / 3)
    assert abs(found[BY_CHANCE]["correlation"]) < 0.1
    assert found[BY_CHANCE]["strongest"] == pytest.approx(2 / 3 / P, abs=0.05)
    assert found["p"] < 0.02


def test_letters_that_are_paired_by_chance_are_no_more_alike_than_chance():
    rng = np.random.default_rng(0)
    values = [alike(rng.random((2, P, 20)), np.arange(P), rng)["p"] for _ in range(20)]
    assert 0.3 < np.mean(values) < 0.7
    assert alike(np.ones((2, P, 3)), np.arange(P), rng) == {"live": 0, "both": 0}


@pytest.mark.slow  # the libraries of autoencoders take seconds to load
def test_means_at_letters_are_those_of_every_row(monkeypatch):
    """Row by row, with the activations themselves for codes."""
    from culture_sim.experiments.aliases import letters

    monkeypatch.setattr(letters, "encode", lambda _, held: sparse.csr_array(held.numpy()))
    world = OPTIONS.world("deranged", 0.6, 0)
    config = ModelConfig(d_model=32, n_layers=1, n_heads=2, d_mlp=32)
    model = build_model(config, world, seed=0).eval()
    found = letters.letter_means(model, world, None, SITE)
    for table in range(2):
        letter = FIRST + table * P
        for n in (0, 7):
            cells = np.argwhere(world.material.table == n) + letter
            rows = [[1, x, y, 3, 0] for x, y in cells.tolist()]
            with torch.no_grad():
                held = capture(model, torch.tensor(rows), [SITE])[SITE]
                one = capture(model, torch.tensor([[1, letter + n, 5, 3, 0]]), [SITE])[SITE]
            assert found[ANSWERED][table, n] == pytest.approx(held[:, ANSWER].mean(0), abs=1e-4)
            assert found[READ][table, n] == pytest.approx(one[0, X + 1], abs=1e-4)
