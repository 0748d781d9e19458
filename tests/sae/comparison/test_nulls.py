"""Every registered null is reproducible and destroys what it should, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.stats import ortho_group

from sae.activations.harvest import token_rows
from sae.activations.quizzes import held_out_quizzes
from sae.comparison.nulls import PermutedRows, PermutingNull, nulls
from sae.matching.features import select_features
from sae.statistics.permutation import group_index, permute_within
from world import QuizBatch, Stream, concatenate
from world.grids.world import GridsWorld

WORLD = GridsWorld()


@pytest.fixture(scope="module")
def batch():
    drawn = held_out_quizzes(WORLD, Stream(0, "test-nulls"), 300)
    unknown = QuizBatch(drawn.tokens[:40], drawn.layout[:40], np.full(40, -1, dtype=np.int16))
    return concatenate([drawn[40:], unknown])


PERMUTING = [name for name in nulls if issubclass(nulls[name], PermutingNull)]


@pytest.mark.parametrize("name", PERMUTING)
def test_permutations_are_reproducible_and_leave_little_in_place(name, batch):
    rows = token_rows(WORLD, batch)
    order = nulls[name]().order(rows, np.random.default_rng(3))
    assert order.shape == (len(rows),)
    assert (np.sort(order) == np.arange(len(rows))).all()
    assert (order == nulls[name]().order(rows, np.random.default_rng(3))).all()
    assert (order != nulls[name]().order(rows, np.random.default_rng(4))).any()
    assert (order == np.arange(len(rows))).mean() < 0.5


def planted(rows, rng, count=6):
    """Features of two agents that agree wholly, whatever their cells say."""
    fires = rng.random((len(rows), count)) < 0.05
    codes = sparse.csr_array((fires * rng.exponential(1, fires.shape)).astype(np.float32))
    return select_features(codes, rows.evaluation, 5)


@pytest.mark.parametrize("name", nulls.names())
def test_contract(name, batch):
    """Every null destroys what two agents share beyond it, the same way for the same seed."""
    rows = token_rows(WORLD, batch)
    features = planted(rows, np.random.default_rng(0))
    found = []
    for seed in (1, 1, 2):
        draw = nulls[name]()(rows.splits, np.random.default_rng(seed))
        forward, backward = draw(features).matches_of(features)
        assert forward.r.shape == backward.r.shape == (features.compared,)
        found.append(forward.r)
    assert not isinstance(draw, PermutedRows) or 0 <= draw.unmoved < 0.9
    assert (found[0] == found[1]).all()
    assert (found[0] != found[2]).any()
    assert (features.matches_of(features)[0].r > 0.999).all()
    assert found[0].mean() < 0.95


def test_rotation_equals_rotated_codes(batch):
    rows = token_rows(WORLD, batch)
    a, b = (planted(rows, np.random.default_rng(seed)) for seed in (0, 1))
    rotate = nulls["rotation"]()(rows.splits, np.random.default_rng(5))
    forward, backward = rotate(b).matches_of(a)
    seed = np.random.default_rng(5).integers(2**63)
    basis = ortho_group.rvs(b.compared, random_state=np.random.default_rng(seed))
    np.testing.assert_allclose(basis.T @ basis, np.eye(b.compared), atol=1e-12)
    chosen, evaluation = (
        np.corrcoef(x.values.toarray().T, (y.values.toarray() @ basis).T)[
            : a.compared, a.compared :
        ]
        for x, y in ((a.selection, b.selection), (a.evaluation, b.evaluation))
    )
    best = chosen.argmax(axis=1)
    assert (forward.column == best).all()
    np.testing.assert_allclose(forward.r, evaluation[np.arange(a.compared), best], atol=1e-9)
    np.testing.assert_allclose(rotate(a).matches_of(b)[0].r, backward.r, atol=1e-12)


def test_within_cell_keeps_task_layout_position_and_token(batch):
    rows = token_rows(WORLD, batch)
    order = nulls["within_cell"]().order(rows, np.random.default_rng(0))
    for key in ("task", "layout", "position", "token"):
        values = getattr(rows, key)
        assert (values[order] == values).all()
    moved = order != np.arange(len(rows))
    assert (rows.quiz[order] != rows.quiz)[moved].all()
    cells = group_index(rows.task, rows.layout, rows.position, rows.token)
    assert (moved == (np.bincount(cells)[cells] > 1)).all()


def test_quizzes_keeps_positions_and_whole_quizzes(batch):
    rows = token_rows(WORLD, batch)
    order = nulls["quizzes"]().order(rows, np.random.default_rng(0))
    assert (rows.position[order] == rows.position).all()
    pairs = np.unique(np.stack([rows.quiz, rows.quiz[order]]), axis=1)
    assert pairs.shape[1] == len(batch)
    assert (pairs[0] != pairs[1]).all()


def test_within_task_keeps_task_layout_and_whole_quizzes(batch):
    rows = token_rows(WORLD, batch)
    order = nulls["within_task"]().order(rows, np.random.default_rng(0))
    for key in ("task", "layout", "position"):
        values = getattr(rows, key)
        assert (values[order] == values).all()
    pairs = np.unique(np.stack([rows.quiz, rows.quiz[order]]), axis=1)
    assert pairs.shape[1] == len(batch)


def test_a_quiz_in_several_layouts_is_one_source(batch):
    _, first = np.unique(WORLD.canonical_hash(batch), return_index=True)
    distinct = batch[first[:10]]
    both = concatenate([WORLD.arrange(distinct, layout) for layout in (0, 1)])
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
