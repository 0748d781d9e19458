"""Activations of several agents line up, token by token, and come one block at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agents.config import ModelConfig
from agents.model import build_model
from sae.activations.harvest import activations, token_rows
from sae.activations.quizzes import held_out_quizzes, training_source
from sae.crosscoder.controls import permuted_within_cells
from sae.crosscoder.harvest import JointActivations, JointStream
from tests.sae.conftest import SITE
from world import Stream
from world.core.errors import UserError

STREAM = Stream(0, "test-crosscoder")


@pytest.fixture(scope="module")
def joint(agents, small_world):
    return JointActivations({3: agents[1], 1: agents[0]}, small_world, SITE)


def test_block_is_each_agents_activations(joint, agents, small_world):
    batch = held_out_quizzes(small_world, STREAM, 150)
    block = joint.block(batch)
    assert joint.agents == (1, 3)
    assert block.shape == (len(token_rows(small_world, batch)), 2, 32)
    for place, agent in enumerate(agents):
        assert torch.equal(block[:, place], activations(agent, small_world, batch, SITE))


def test_a_batch_is_cut_into_equal_blocks_and_given_in_pieces(joint, small_world, monkeypatch):
    monkeypatch.setattr("sae.crosscoder.harvest.PIECE", 2000)
    batch = held_out_quizzes(small_world, STREAM, 150)
    pieces = list(joint.blocks(batch, 64))
    assert [len(piece) for piece in pieces] == [2000, 2000, 2000, 1500] * 2
    torch.testing.assert_close(torch.cat(pieces), joint.block(batch))
    assert len(torch.cat(list(joint.blocks(batch, 1000)))) == 15_000


def test_as_few_rows_stay_where_they_are_in_an_analysis_as_in_training(agents, small_world):
    """With rows permuted within cells, those that are alone in their cell in a block."""
    batch, models = held_out_quizzes(small_world, STREAM, 280), dict(enumerate(agents))
    plain = JointActivations(models, small_world, SITE)
    change = permuted_within_cells(np.random.default_rng(0))
    permuted = JointActivations(models, small_world, SITE, change)

    def unmoved(blocks, quizzes):
        same = torch.cat(list(blocks))[:, 1] == plain.block(quizzes)[:, 1]
        return same.all(dim=1).double().mean().item()

    training = unmoved([permuted.block(batch[:128])], batch[:128])
    assert unmoved(permuted.blocks(batch, 128), batch) == pytest.approx(training, abs=0.02)
    assert unmoved(permuted.blocks(batch, 16), batch) > 2 * training


def test_stream_shows_each_token_of_a_block_as_often_as_asked(joint, small_world):
    source = training_source(small_world, STREAM)
    stream = JointStream(joint, source, buffer_quizzes=8, epochs_per_buffer=2, batch_size=100)
    batches = stream.batches(5)
    found = torch.cat([next(batches) for _ in range(16)])
    block = joint.block(source(0, 8))
    assert len(block) == 800
    for shown in found.split(800):
        assert torch.equal(shown[:, 0, 0].sort().values, block[:, 0, 0].sort().values)
        # A row keeps its agents together in whatever order it comes.
        order = shown[:, 0].sum(dim=1).argsort()
        assert torch.equal(shown[order], block[block[:, 0].sum(dim=1).argsort()])
    assert torch.equal(found[:100], next(stream.batches(5)))
    assert not torch.equal(found[:100], next(stream.batches(6)))


def test_change_is_applied_to_every_block(agents, small_world):
    seen = []

    def doubled(block, rows):
        seen.append(len(rows))
        return 2 * block

    models = dict(enumerate(agents))
    batch = held_out_quizzes(small_world, STREAM, 6)
    plain = JointActivations(models, small_world, SITE).block(batch)
    changed = JointActivations(models, small_world, SITE, doubled)
    assert torch.equal(torch.cat(list(changed.blocks(batch, 3))), 2 * plain)
    assert seen == [300, 300]


def test_what_cannot_be_joined_is_refused(agents, small_world):
    wide = build_model(ModelConfig(d_model=48, n_layers=2, n_heads=2, d_mlp=64), small_world, 0)
    batch = held_out_quizzes(small_world, STREAM, 4)
    with pytest.raises(UserError, match="agents of one width"):
        JointActivations({0: agents[0], 1: wide}, small_world, SITE).block(batch)
    with pytest.raises(UserError, match="no site"):
        JointActivations({0: agents[0]}, small_world, "nowhere")
    source = training_source(small_world, STREAM)
    joint = JointActivations({0: agents[0]}, small_world, SITE)
    with pytest.raises(UserError, match="raise it"):
        next(JointStream(joint, source, 1, 1, 512).batches(0))
