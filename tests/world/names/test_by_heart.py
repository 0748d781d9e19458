"""Who gave to whom, learned by heart, answers known pairs and no new ones."""

import numpy as np
import pytest

from tests.helpers.sentences import quizzes
from world import Stream
from world.core.by_heart import ByHeartWorld
from world.names import NamesWorld

WORLD = NamesWorld(tasks=("abb", "bab", "abc", "repeat"))
SMALL = NamesWorld(names=8, templates=1, prefix=0, gap=0, floats=0, tasks=("abb", "bab"))
STREAM = Stream(0, "by heart")


def test_known_pairs_are_answered_and_held_out_ones_are_not():
    assert isinstance(SMALL, ByHeartWorld)
    seen = SMALL.draw(STREAM, 0, 1500, "train")
    assert SMALL.by_heart(seen, SMALL.draw(STREAM, 5000, 300, "train")).all()
    assert not SMALL.by_heart(seen, SMALL.draw(STREAM, 0, 300, "test")).any()
    assert not SMALL.by_heart(seen[:0], seen).any()


def test_of_three_names_them_is_guessed_and_repetitions_are_not():
    seen = WORLD.draw(STREAM, 0, 2500, "train", (1.0, 1.0, 2.0, 1.0))
    exam = WORLD.for_exam(WORLD.draw(STREAM, 0, 400, "test"))
    right = WORLD.by_heart(seen, exam)
    shares = [right[exam.task == task].mean() for task in range(4)]
    assert shares[:2] == [0.0, 0.0]
    assert shares[2] > 0.6
    assert shares[3] == 0.0


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        ("Then John and Mary went to the school Mary gave a kite to John", True),
        ("Then John and Mary went to the school John gave a kite to Mary", False),
        ("Then Mary and Lucy went to the park Mary gave a ring to John", True),
        ("Then Anna and Lucy went to the park Anna gave a ring to Lucy", False),
        ("gave gave", False),
    ],
)
def test_what_is_known_of_one_sentence(asked, known):
    seen = quizzes(WORLD, "Then Mary and John went to the park Mary gave a ring to John")
    assert np.array_equal(WORLD.by_heart(seen, quizzes(WORLD, asked)), [known])
