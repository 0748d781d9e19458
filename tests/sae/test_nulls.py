"""Every registered null is a permutation of rows, reproducible, and leaves little in place."""

from __future__ import annotations

import numpy as np
import pytest

from sae.harvest import token_rows
from sae.nulls import nulls
from sae.permutation import group_index, permute_within
from sae.quizzes import held_out_quizzes
from world import QuizBatch, Stream, concatenate
from world.worlds.grids import GridsWorld

WORLD = GridsWorld()


@pytest.fixture(scope="module")
def batch():
    drawn = held_out_quizzes(WORLD, Stream(0, "test-nulls"), 300)
    unknown = QuizBatch(drawn.tokens[:40], drawn.structure[:40], np.full(40, -1, dtype=np.int16))
    return concatenate([drawn[40:], unknown])


@pytest.mark.parametrize("name", nulls.names())
def test_contract(name, batch):
    rows = token_rows(WORLD, batch)
    order = nulls[name](rows, np.random.default_rng(3))
    assert order.shape == (len(rows),)
    assert (np.sort(order) == np.arange(len(rows))).all()
    assert (order == nulls[name](rows, np.random.default_rng(3))).all()
    assert (order != nulls[name](rows, np.random.default_rng(4))).any()
    assert (order == np.arange(len(rows))).mean() < 0.5


def test_within_cell_keeps_task_structure_position_and_token(batch):
    rows = token_rows(WORLD, batch)
    order = nulls["within_cell"](rows, np.random.default_rng(0))
    for key in ("task", "structure", "position", "token"):
        values = getattr(rows, key)
        assert (values[order] == values).all()
    moved = order != np.arange(len(rows))
    assert (rows.quiz[order] != rows.quiz)[moved].all()
    cells = group_index(rows.task, rows.structure, rows.position, rows.token)
    assert (moved == (np.bincount(cells)[cells] > 1)).all()


def test_quizzes_keeps_positions_and_whole_quizzes(batch):
    rows = token_rows(WORLD, batch)
    order = nulls["quizzes"](rows, np.random.default_rng(0))
    assert (rows.position[order] == rows.position).all()
    pairs = np.unique(np.stack([rows.quiz, rows.quiz[order]]), axis=1)
    assert pairs.shape[1] == len(batch)
    assert (pairs[0] != pairs[1]).all()


def test_within_task_keeps_task_structure_and_whole_quizzes(batch):
    rows = token_rows(WORLD, batch)
    order = nulls["within_task"](rows, np.random.default_rng(0))
    for key in ("task", "structure", "position"):
        values = getattr(rows, key)
        assert (values[order] == values).all()
    pairs = np.unique(np.stack([rows.quiz, rows.quiz[order]]), axis=1)
    assert pairs.shape[1] == len(batch)


def test_a_quiz_in_several_structures_is_one_source(batch):
    both = concatenate([WORLD.arrange(batch[:10], structure) for structure in (0, 1)])
    source = token_rows(WORLD, both).source
    assert (source[:10] == source[10:]).all()
    assert len(np.unique(source)) == 10


def test_permute_within_is_uniform_over_partners():
    groups = np.zeros(4, dtype=np.int64)
    rng = np.random.default_rng(0)
    counts = np.zeros((4, 4))
    for _ in range(3000):
        counts[np.arange(4), permute_within(groups, rng)] += 1
    off_diagonal = counts[~np.eye(4, dtype=bool)]
    assert np.diag(counts).sum() == 0
    assert np.abs(off_diagonal - 1000).max() < 130


def test_empty():
    assert len(permute_within(np.zeros(0, dtype=np.int64), np.random.default_rng(0))) == 0
