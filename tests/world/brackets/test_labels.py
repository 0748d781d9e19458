"""Labels of brackets against a slow reading, both ways, and how they are said."""

import numpy as np
import pytest

from tests.helpers.brackets import quizzes
from world import Stream
from world.brackets import BracketsWorld

WORLD = BracketsWorld(length=12, equal_count_share=0.3)
TOKEN = ("place", "from_end", "bracket", "height", "depth", "low", "dipped", "partner")


def slow(read):
    """By label, the values at each bracket of a string as it is read, "(" and ")"."""
    height, low, stack, labels = 0, 0, [], {name: [] for name in TOKEN}
    partner, depth = [0] * len(read), [0] * len(read)
    for place, bracket in enumerate(read):
        height += 1 if bracket == "(" else -1
        low = min(low, height)
        if bracket == "(":
            stack.append(place)
        elif stack:
            other = stack.pop()
            partner[place] = partner[other] = place - other
        for name, value in (
            ("place", place),
            ("from_end", len(read) - 1 - place),
            ("bracket", int(bracket == ")")),
            ("height", height + WORLD.length),
            ("low", -low),
            ("dipped", int(low < 0)),
        ):
            labels[name].append(value)
    pairs = [(k, k + d) for k, d in enumerate(partner) if d and read[k] == "("]
    for one, other in pairs:
        depth[one] = depth[other] = sum(a <= one and other <= b for a, b in pairs)
    return {**labels, "depth": depth, "partner": partner}


@pytest.mark.parametrize("layout", [0, 1, 2])
def test_labels_of_brackets(layout):
    batch = WORLD.arrange(WORLD.draw(Stream(0, "labels"), 0, 200, "train"), layout)
    labels = WORLD.labels(batch)
    for row, tokens in enumerate(batch.tokens.tolist()):
        brackets = [t for t, value in enumerate(tokens) if value in (1, 2)]
        opens = 2 if layout == 1 else 1
        expected = slow(["(" if tokens[t] == opens else ")" for t in brackets])
        for name in TOKEN:
            assert labels[name][row, brackets].tolist() == expected[name], name
        others = np.setdiff1d(np.arange(WORLD.seq_len), brackets)
        assert all((labels[name][row, others] == -1).all() for name in TOKEN)


def test_labels_of_quizzes_stand_at_every_token_but_padding():
    batch = quizzes(WORLD, "(())", "())(", ")))(((((")
    labels, padding = WORLD.labels(batch), WORLD.part_of(batch) == -1
    expected = {"length": [4, 4, 8], "final": [12, 12, 14], "verdict": [0, 1, 1]}
    for name, values in expected.items():
        for row, value in enumerate(values):
            assert set(labels[name][row, ~padding[row]]) == {value}
            assert set(labels[name][row, padding[row]]) <= {-1}
    kinds = labels["kind"][:, 0]
    assert [WORLD.wording.value("kind", k) for k in kinds] == ["balanced", "dip", "count_dip_first"]


def test_labels_are_said_in_words():
    labels, wording = WORLD.labels(quizzes(WORLD, "())(")), WORLD.wording
    said = {name: wording.phrase(name, int(labels[name][0, 3])) for name in labels}
    assert said["place"] == "is bracket 3 of its string"
    assert said["bracket"] == "is a closing bracket"
    assert said["height"] == "is at height -1"
    assert said["low"] == "comes after a lowest height of -1"
    assert said["dipped"] == "comes after a height below zero"
    assert said["partner"] == "has its partner nowhere"
    assert said["verdict"] == "has a string that is unbalanced"
    assert wording.phrase("partner", int(labels["partner"][0, 2])) == (
        "has its partner 1 places away"
    )
    assert wording.phrase("depth", int(labels["depth"][0, 1])) == (
        "is in 1 brackets, itself among them"
    )
    assert wording.of_quiz == ("task", "layout", "kind", "length", "final", "verdict")
