"""Every registered null is reproducible and destroys what it should, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from sae.activations.harvest import token_rows
from sae.activations.quizzes import held_out_quizzes
from sae.comparison.nulls import Permuting, nulls
from sae.comparison.nulls.rotation import Rotated, random_rotation
from sae.matching.features import select_features
from sae.matching.search import match_both_ways
from sae.statistics.permutation import group_index, permute_within
from world import QuizBatch, Stream, concatenate
from world.grids.world import GridsWorld

WORLD = GridsWorld()


@pytest.fixture(scope="module")
def batch():
    drawn = held_out_quizzes(WORLD, Stream(0, "test-nulls"), 300)
    unknown = QuizBatch(drawn.tokens[:40], drawn.layout[:40], np.full(40, -1, dtype=np.int16))
    return concatenate([drawn[40:], unknown])


PERMUTING = [name for name in nulls if isinstance(nulls[name], Permuting)]


@pytest.mark.parametrize("name", PERMUTING)
def test_permutations_are_reproducible_and_leave_little_in_place(name, batch):
    rows = token_rows(WORLD, batch)
    order = nulls[name].order(rows, np.random.default_rng(3))
    assert order.shape == (len(rows),)
    assert (np.sort(order) == np.arange(len(rows))).all()
    assert (order == nulls[name].order(rows, np.random.default_rng(3))).all()
    assert (order != nulls[name].order(rows, np.random.default_rng(4))).any()
    assert (order == np.arange(len(rows))).mean() < 0.5


def planted(rows, rng, count=6):
    """Features of two agents that agree wholly, whatever their cells say."""
    fires = rng.random((len(rows), count)) < 0.05
    codes = sparse.csr_array((fires * rng.exponential(1, fires.shape)).astype(np.float32))
    return select_features(codes, rows.reported, 5)


@pytest.mark.parametrize("name", nulls.names())
def test_contract(name, batch):
    """Every null destroys what two agents share beyond it, the same way for the same seed."""
    rows = token_rows(WORLD, batch)
    features = planted(rows, np.random.default_rng(0))
    halves = rows.half(reported=False), rows.half(reported=True)
    found = []
    for seed in (1, 1, 2):
        draw = nulls[name](halves, np.random.default_rng(seed))
        forward, backward = draw.onto(features)(features)
        assert forward.r.shape == backward.r.shape == (features.compared,)
        found.append(forward.r)
    assert draw.unmoved is None or 0 <= draw.unmoved < 0.9
    assert (found[0] == found[1]).all()
    assert (found[0] != found[2]).any()
    assert (match_both_ways(features, features)[0].r > 0.999).all()
    assert found[0].mean() < 0.95


def test_rotation_is_orthogonal_and_equals_rotated_codes(batch):
    basis = random_rotation(7, np.random.default_rng(0))
    np.testing.assert_allclose(basis.T @ basis, np.eye(7), atol=1e-12)
    rows = token_rows(WORLD, batch)
    a, b = (planted(rows, np.random.default_rng(seed)) for seed in (0, 1))
    forward, _ = Rotated(5).onto(b)(a)
    basis = random_rotation(b.compared, np.random.default_rng(5))
    chosen, reported = (
        np.corrcoef(x.values.toarray().T, (y.values.toarray() @ basis).T)[
            : a.compared, a.compared :
        ]
        for x, y in ((a.choosing, b.choosing), (a.reported, b.reported))
    )
    best = chosen.argmax(axis=1)
    assert (forward.found.feature == best).all()
    np.testing.assert_allclose(forward.r, reported[np.arange(a.compared), best], atol=1e-9)
    backward = Rotated(5).onto(a)(b)[0]
    np.testing.assert_allclose(Rotated(5).onto(b)(a)[1].r, backward.r, atol=1e-12)


def test_within_cell_keeps_task_layout_position_and_token(batch):
    rows = token_rows(WORLD, batch)
    order = nulls["within_cell"].order(rows, np.random.default_rng(0))
    for key in ("task", "layout", "position", "token"):
        values = getattr(rows, key)
        assert (values[order] == values).all()
    moved = order != np.arange(len(rows))
    assert (rows.quiz[order] != rows.quiz)[moved].all()
    cells = group_index(rows.task, rows.layout, rows.position, rows.token)
    assert (moved == (np.bincount(cells)[cells] > 1)).all()


def test_quizzes_keeps_positions_and_whole_quizzes(batch):
    rows = token_rows(WORLD, batch)
    order = nulls["quizzes"].order(rows, np.random.default_rng(0))
    assert (rows.position[order] == rows.position).all()
    pairs = np.unique(np.stack([rows.quiz, rows.quiz[order]]), axis=1)
    assert pairs.shape[1] == len(batch)
    assert (pairs[0] != pairs[1]).all()


def test_within_task_keeps_task_layout_and_whole_quizzes(batch):
    rows = token_rows(WORLD, batch)
    order = nulls["within_task"].order(rows, np.random.default_rng(0))
    for key in ("task", "layout", "position"):
        values = getattr(rows, key)
        assert (values[order] == values).all()
    pairs = np.unique(np.stack([rows.quiz, rows.quiz[order]]), axis=1)
    assert pairs.shape[1] == len(batch)


def test_a_quiz_in_several_layouts_is_one_source(batch):
    both = concatenate([WORLD.arrange(batch[:10], layout) for layout in (0, 1)])
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
