"""Heads planted to do one thing score 1 at it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agents.circuits.heads import copy_scores, head_scores, repeated_block, value_weighted
from agents.circuits.paths import Network, Prompts
from tests.helpers.planted_circuits import (
    LETTERS,
    induction_network,
    names_case,
    names_network,
    random_network,
)


@pytest.fixture(scope="module")
def induction():
    return head_scores(Network(induction_network()), LETTERS, 5, np.random.default_rng(0), count=8)


def test_previous_and_induction_heads(induction):
    expected = {"previous": (0, 0), "induction": (1, 0), "copying": (1, 0)}
    for name, place in expected.items():
        scores = getattr(induction, name)
        assert scores.shape == (2, 2)
        assert scores[place] == pytest.approx(1.0, abs=1e-5), name
        scores[place] = 0.0
        assert (scores < 0.5).all(), name
    assert induction.negative.max() == 0.0


def test_duplicate_heads():
    network = Network(names_network())
    scores = head_scores(network, LETTERS, 3, np.random.default_rng(0), count=8)
    assert scores.duplicate[0, 0] == pytest.approx(1.0, abs=1e-5)
    assert scores.duplicate.flatten()[1:].max() < 0.5


def test_a_head_turned_round_is_negative():
    model = induction_network()
    model.blocks[1].attn.W_O[0] *= -1
    scores = head_scores(Network(model), LETTERS, 5, np.random.default_rng(0), count=8)
    assert scores.negative[1, 0] == pytest.approx(1.0, abs=1e-5)
    assert scores.copying[1, 0] == 0.0


def test_blocks_repeat_different_tokens():
    block = repeated_block(range(5, 25), 10, 6, np.random.default_rng(0), start=3)
    assert block.shape == (6, 21)
    assert (block[:, 0] == 3).all()
    assert torch.equal(block[:, 1:11], block[:, 11:])
    assert all(len(set(row.tolist())) == 10 for row in block[:, 1:11])
    assert repeated_block(range(5), 5, 1, np.random.default_rng(0), start=None).shape == (1, 10)
    with pytest.raises(ValueError, match="a block of 6 different tokens out of 5"):
        repeated_block(range(5), 6, 1, np.random.default_rng(0))


@pytest.mark.parametrize("sign", [1, -1])
def test_the_mover_copies_names(sign):
    model = names_network()
    model.blocks[2].attn.W_O[0] *= sign
    network = Network(model)
    scores = copy_scores(network, network.read(names_case("S2").base), "S2", top=1)
    expected = torch.zeros(3, 2)
    expected[2, 0] = 1.0
    found, other = (scores.copying, scores.negative)[::sign]
    assert torch.equal(found, expected)
    assert torch.equal(other, torch.zeros(3, 2))


def test_weights_are_pattern_times_length_of_what_is_moved():
    model = random_network()
    network = Network(model)
    tokens = torch.randint(0, 11, (3, 9), generator=torch.Generator().manual_seed(0))
    run = network.read(Prompts(tokens))
    weighted = value_weighted(network, run, 1)
    _, cache = model.run_with_cache(tokens)
    moved = (cache["v", 1][2, :, 1] @ model.blocks[1].attn.W_O[1]).norm(dim=-1)
    expected = cache["pattern", 1][2, 1, 7] * moved
    torch.testing.assert_close(weighted[2, 1, 7], expected / expected.sum(), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(weighted.sum(-1), torch.ones(3, 2, 9))


def test_a_resting_head_weighs_nothing():
    """The duplicate-token head rests at the start, whose value is zero."""
    network = Network(names_network())
    run = network.read(names_case("S2").base)
    weighted = value_weighted(network, run, 0)[:, 0]
    assert (run.patterns[0][:, 0, 7, 0] > 0.99).all()
    torch.testing.assert_close(weighted[:, 4, 2], torch.ones(6))
    assert weighted.sum() == pytest.approx(6.0)
