"""Quizzes for SAEs and the rows of activations harvested from them."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch

from agents.hooks import capture
from sae.activations.harvest import ActivationStream, activations, check_site, token_rows
from sae.activations.quizzes import held_out_quizzes, training_source
from tests.sae.conftest import SITE
from world import Stream, concatenate
from world.core.errors import UserError
from world.grids.codec import LABEL
from world.grids.world import GridsWorld

STREAM = Stream(0, "test-harvest")


def test_training_and_held_out_quizzes_are_disjoint():
    world = GridsWorld()
    training = training_source(world, STREAM)(0, 1500)
    held_out = held_out_quizzes(world, STREAM, 1500)
    first, second = (set(world.canonical_hash(b).tolist()) for b in (training, held_out))
    assert not first & second
    assert set(world.split_of(held_out)) == {2}
    counts = np.bincount(held_out.layout)
    assert counts.min() >= 1500 // 4 - 8
    assert len(counts) == 4


def test_quizzes_do_not_depend_on_how_a_range_is_cut():
    source = training_source(GridsWorld(), STREAM)
    whole, tail = source(0, 900), source(380, 520)
    assert (whole.tokens[380:] == tail.tokens).all()
    assert (whole.layout[380:] == tail.layout).all()


def test_rows_line_up_with_activations(agents, small_world):
    batch = held_out_quizzes(small_world, STREAM, 40)
    rows = token_rows(small_world, batch)
    found = activations(agents[0], small_world, batch, SITE)
    whole = capture(agents[0], torch.from_numpy(batch.tokens).long(), [SITE])[SITE]
    assert found.shape == (len(rows), agents[0].d_model)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found, whole[rows.quiz, rows.position], rtol=0, atol=1e-5)
    assert (rows.token == batch.tokens[rows.quiz, rows.position - 1]).all()
    assert (rows.target == batch.tokens[rows.quiz, rows.position]).all()
    assert (rows.task == batch.task[rows.quiz]).all()


def test_all_writings_of_a_quiz_are_in_one_half():
    world = GridsWorld()
    quizzes = held_out_quizzes(world, STREAM, 600)
    both = concatenate([quizzes, world.arrange(quizzes, 1)])
    rows = token_rows(world, both)
    half = np.zeros(len(both), dtype=bool)
    half[rows.quiz] = rows.evaluation
    assert (half[:600] == half[600:]).all()
    assert 0.4 < half.mean() < 0.6


def test_labels_and_start_are_left_out(small_world):
    batch = held_out_quizzes(small_world, STREAM, 40)
    rows = token_rows(small_world, batch)
    assert (small_world.codec.kinds[rows.layout, rows.position] != LABEL).all()
    assert rows.position.min() >= 1
    assert len(rows) == 40 * 4 * 25


def test_stream_shows_each_activation_as_often_as_asked(agents, small_world):
    source = training_source(small_world, STREAM)
    stream = ActivationStream(agents[0], small_world, source, SITE, 8, 2, 200)
    block = activations(agents[0], small_world, source(0, 8), SITE)
    assert len(block) == 4 * 200
    shown = torch.cat(list(islice(stream.batches(1), 8)))
    first, second = shown[:800], shown[800:]
    for part in (first, second):
        np.testing.assert_allclose(part.sum(dim=0), block.sum(dim=0), rtol=1e-4, atol=1e-3)
    assert not torch.equal(first, second)
    again = torch.cat(list(islice(stream.batches(1), 8)))
    assert torch.equal(shown, again)
    other = next(stream.batches(2))
    assert not torch.equal(other, shown[:200])


def test_unknown_sites_and_small_blocks_are_refused(agents, small_world):
    with pytest.raises(UserError, match="no site 'blocks"):
        check_site(agents[0], "blocks.9.hook_resid_post")
    with pytest.raises(UserError, match="no site 'hook_pos_embed'"):
        check_site(agents[0], "hook_pos_embed")
    with pytest.raises(UserError, match=r"no site 'blocks\.0\.attn\.hook_pattern' with a vector"):
        check_site(agents[0], "blocks.0.attn.hook_pattern")
    source = training_source(small_world, STREAM)
    stream = ActivationStream(agents[0], small_world, source, SITE, 2, 1, 4096)
    with pytest.raises(UserError, match="buffer_quizzes"):
        next(stream.batches(0))


def test_the_vectors_of_all_heads_are_one(agents, small_world):
    batch = held_out_quizzes(small_world, STREAM, 20)
    site = "blocks.1.attn.hook_z"
    check_site(agents[0], site)
    tokens = torch.from_numpy(batch.tokens.astype(np.int64))
    z = capture(agents[0], tokens, [site])[site]
    rows = token_rows(small_world, batch)
    x = activations(agents[0], small_world, batch, site)
    assert x.shape == (len(rows), agents[0].d_model)
    heads, d_head = z.shape[2:]
    assert heads > 1
    for h in range(heads):
        part = x[:, h * d_head : (h + 1) * d_head]
        assert torch.equal(part, z[rows.quiz, rows.position, h])
