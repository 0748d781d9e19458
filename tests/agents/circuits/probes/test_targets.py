"""A value stands at the position that has read its token, or that is to predict it."""

from __future__ import annotations

import numpy as np
import pytest

from agents.circuits.probes import Target, at, each_position
from world.core.errors import UserError


def test_a_token_is_read_one_position_later():
    """Position t has read tokens[:, :t], the last of them t - 1."""
    values = np.array([[5, 6, 7], [8, 9, 4]])
    read = Target.of_tokens("x", "number", values)
    np.testing.assert_array_equal(read.values, [[np.nan, 5, 6], [np.nan, 8, 9]])
    following = Target.of_tokens("x", "number", values, "next")
    np.testing.assert_array_equal(following.values, values)


def test_a_quiz_has_its_value_at_every_position():
    target = Target.of_quizzes("x", "class", np.array([True, False]), 3)
    np.testing.assert_array_equal(target.values, [[1, 1, 1], [0, 0, 0]])


def test_labels_of_a_world_are_taken_by_name(strings, quizzes):
    name, labels = next(iter(strings.labels(quizzes).items()))
    found = Target.of_world(strings, quizzes, name, "class")
    expected = np.where(labels < 0, np.nan, labels)[:, :-1]
    assert found.name == name
    np.testing.assert_array_equal(found.values[:, 1:], expected)
    with pytest.raises(UserError, match=r"unknown label 'colour of the sky'; the world has: \w+"):
        Target.of_world(strings, quizzes, "colour of the sky", "class")


def test_classes_are_whole_numbers():
    with pytest.raises(UserError, match="classes of 'x' must be whole numbers"):
        Target("x", "class", np.array([[0.5, 1.0]]))


def test_places():
    assert at(np.array([2, 0]), 3).tolist() == [[False, False, True], [True, False, False]]
    where = np.array([[False, True, True], [False, False, True]])
    places = each_position(where)
    assert list(places) == ["1", "2"]
    assert places["1"].tolist() == [[False, True, False], [False, False, False]]
    assert (places["1"] | places["2"]).tolist() == where.tolist()
