"""What quizzes are made of: frames written by hand, and a round that is stored by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from culture_sim.culture.proposers.hot_then_cold import HotThenCold
from culture_sim.experiments.birds.drift import (
    KEPT,
    PROPOSED,
    REJECTED,
    SAMPLED,
    frames_table,
    measures_of,
    sample,
    sampled_table,
)
from tests.culture_sim.experiments.birds.conftest import WORLD
from tests.helpers.slow_birds import SlowBird, fly, painted
from world import QuizBatch, Stream

H, W = WORLD.height, WORLD.width
LOW, HIGH = SlowBird(1, 1, 1, 1), SlowBird(4, 6, -1, -1)
UNDER, OVER = SlowBird(2, 2, 1, 1), SlowBird(3, 2, 1, 1)
"""The later has an arm on the head of the earlier, now and when both have flown."""


def flown(*birds):
    """Both frames of birds in the colours 1, 2, ..., the later over the earlier."""
    now = dict(enumerate(birds, 1))
    later = {colour: fly(bird, WORLD.speed, H, W)[0] for colour, bird in now.items()}
    return painted(now, H, W), painted(later, H, W)


def batch_of(*frames):
    """Quizzes in layout 0."""
    cells = np.array(frames).reshape(len(frames), 2, H * W)
    count = len(frames)
    return QuizBatch(
        WORLD.codec.tokens(cells), np.zeros(count, np.uint8), np.full(count, -1, np.int16)
    )


def test_every_kind_of_quiz_is_told_for_what_it_is():
    right = flown(LOW, HIGH)
    first = right[0]
    hidden = flown(UNDER, OVER)
    noise = [[3] * W for _ in range(H)]
    empty = [[0] * W for _ in range(H)]
    wrong = (first, first)
    crowd = replace(WORLD, birds=4)
    four = crowd.frames(crowd.draw(Stream(0, "crowd"), 0, 1, "test"))[0].reshape(2, H, W).tolist()
    quizzes = batch_of(right, hidden, wrong, (first, noise), (first, empty), four)
    told = frames_table(WORLD, quizzes)
    assert told["verdict"][[0, 2, 3, 4, 5]].tolist() == [
        "right", "wrong", "no birds", "no birds", "right",
    ]  # fmt: skip
    assert told["flies"].tolist() == [True, True, False, False, False, True]
    assert told["birds"].tolist()[:3] == [2, 2, 2]
    assert told["birds"][5] == 4
    assert told["more birds"].tolist() == [False] * 5 + [True]
    assert told["occluded"].tolist() == [False, True, False, False, False, False]
    assert told["illegal"].tolist() == [False, False, False, True, False, False]
    assert told["empty"].tolist() == [False, False, False, False, True, False]
    assert told["still"].tolist() == [False, False, True, False, False, False]
    assert told["strays"][3] == 1


def test_verdicts_are_the_verifiers_for_whatever_is_drawn():
    """Whether or not the short way is taken."""
    drawn = WORLD.draw(Stream(0, "drift"), 0, 30, "test")
    spoilt = WORLD.corrupt(drawn, 0.05, np.random.default_rng(0))
    quizzes = QuizBatch(spoilt.tokens, drawn.layout, drawn.task)
    told = frames_table(WORLD, quizzes)["verdict"].tolist()
    names = {"RIGHT": "right", "AMBIGUOUS": "ambiguous", "WRONG": "wrong", "NO_BIRDS": "no birds"}
    assert told == [names[each.name] for each in WORLD.verdicts(quizzes)]
    assert len(set(told)) > 1


def test_measures_are_of_all_quizzes_or_of_those_that_fly():
    frames = pd.DataFrame(
        {
            "birds": [4, 3, 0, 9],
            "hidden": [2, 0, 0, 1],
            "strays": [0, 0, 3, 1],
            "illegal": [False, False, True, True],
            "empty": [False, False, True, False],
            "still": False,
            "verdict": ["right", "ambiguous", "no birds", "wrong"],
            "flies": [True, True, False, False],
            "more birds": [True, False, False, False],
            "occluded": [True, False, False, False],
        }
    )
    told = {each["measure"]: each for each in measures_of(frames, KEPT)}
    assert {each["quizzes"] for each in told.values()} == {KEPT}
    value = {name: (each["value"], each["support"]) for name, each in told.items()}
    assert value["birds"] == (3.5, 2)
    assert value["birds of all"] == (4, 4)
    assert value["more birds"] == value["occluded"] == (0.5, 2)
    assert value["flies"] == value["illegal"] == (0.5, 4)
    assert value["right"] == value["wrong"] == value["empty"] == (0.25, 4)
    assert value["strays"] == (1, 4)
    assert told["flies"]["low"] < 0.5 < told["flies"]["high"]
    assert "birds" not in {each["measure"] for each in measures_of(frames[2:], REJECTED)}
    assert list(measures_of(frames[:0], PROPOSED)) == []


def test_samples_are_every_agents_and_the_same_for_the_same_seed(model):
    one, again, other = (
        sample([model, model], WORLD, HotThenCold(), 4, seed).tokens for seed in (0, 0, 1)
    )
    assert len(one) == 8
    np.testing.assert_array_equal(one, again)
    assert (one[:4] != one[4:]).any()
    assert (one != other).any()
    quizzes = sample([model], WORLD, HotThenCold(), 4, 0)
    table = sampled_table(quizzes, WORLD)
    assert set(table["quizzes"]) == {SAMPLED}
    assert table.set_index("measure")["support"]["no birds"] == 4
    assert table.set_index("measure")["value"]["no birds"] == pytest.approx(1)
