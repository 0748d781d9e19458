"""Quizzes are kept whole: in folds, and when their labels are shuffled."""

from __future__ import annotations

import numpy as np
import pytest

from agents.circuits.probes import ProbeOptions, Target
from agents.circuits.probes.cases import HELD_OUT, case_of, folds_of

N, T = 30, 4
EACH = np.arange(N)


def case(values, where=None, group=EACH, held_out=None, kind="number"):
    """All tokens ``where`` of N quizzes."""
    where = np.ones((N, T), dtype=np.bool_) if where is None else where
    held_out = np.zeros(N, dtype=np.bool_) if held_out is None else held_out
    fold = folds_of(group, held_out, ProbeOptions())
    target = Target("x", kind, np.broadcast_to(values, (N, T)).astype(np.float64))
    return case_of(target, where, np.nonzero(np.ones((N, T))), group, fold)


def rng():
    return np.random.default_rng(0)


def test_a_group_is_in_one_fold():
    group = np.arange(N) // 3
    fold = folds_of(group, np.zeros(N, dtype=np.bool_), ProbeOptions(folds=5))
    assert all(len(np.unique(fold[group == g])) == 1 for g in group)
    assert np.bincount(fold).tolist() == [6] * 5
    other = folds_of(group, np.zeros(N, dtype=np.bool_), ProbeOptions(seed=1))
    assert (fold != other).any()


def test_a_group_is_held_out_with_any_of_its_quizzes():
    fold = folds_of(np.arange(N) // 3, np.arange(N) == 4, ProbeOptions())
    assert np.flatnonzero(fold == HELD_OUT).tolist() == [3, 4, 5]


def test_tokens_without_a_value_are_left_out():
    values = np.where(np.arange(T) == 2, np.nan, np.arange(T))
    found = case(values, where=np.arange(T) >= np.ones((N, 1)))
    assert found.index.tolist() == [4 * q + t for q in range(N) for t in (1, 3)]
    assert found.position.tolist() == [1, 3] * N
    assert found.y.tolist() == [1.0, 3.0] * N


def test_classes_are_counted_from_zero():
    found = case(7 * (EACH[:, None] % 3), kind="class")
    assert found.classes.tolist() == [0, 7, 14]
    assert np.unique(found.y).tolist() == [0, 1, 2]


def test_shuffled_quizzes_keep_their_values_together():
    found = case(10 * EACH[:, None] + np.arange(T)).shuffled(rng())
    rows = found.y.reshape(N, T)
    assert (rows % 10 == np.arange(T)).all()
    assert (rows // 10 == rows[:, :1] // 10).all()
    assert sorted(rows[:, 0] // 10) == EACH.tolist()
    assert (rows[:, 0] // 10 != EACH).mean() > 0.8


def test_quizzes_of_a_group_get_one_value():
    group = np.arange(N) // 2
    found = case(group[:, None], group=group).shuffled(rng())
    assert (found.y.reshape(N // 2, 2 * T).std(axis=1) == 0).all()
    assert sorted(found.y[:: 2 * T]) == list(range(N // 2))


def test_held_out_quizzes_are_shuffled_among_themselves():
    held = EACH < 10
    found = case(held[:, None], held_out=held).shuffled(rng())
    assert (found.y == (found.fold == HELD_OUT)).all()


def test_quizzes_of_other_lengths_are_read_from_the_first_again():
    """Two tokens in quiz 0, three in all others; the n-th gets the value of another's n-th."""
    where = np.arange(T) < np.where(EACH == 0, 2, 3)[:, None]
    found = case(np.arange(T), where=where).shuffled(rng())
    taker = found.y[2:].reshape(N - 1, 3)
    assert found.y[:2].tolist() == [0, 1]
    assert (taker[:, :2] == [0, 1]).all()
    assert sorted(taker[:, 2]) == [0] + [2] * (N - 2)


@pytest.mark.parametrize(
    ("values", "held_out", "askable"),
    [
        (EACH, None, True),
        (0 * EACH, None, False),
        (EACH == 3, None, False),
        (EACH < 10, EACH < 10, False),
    ],
    ids=["varies", "does not", "in one fold alone", "where it is held out"],
)
def test_what_does_not_vary_cannot_be_asked(values, held_out, askable):
    assert case(values[:, None], held_out=held_out).askable is askable
