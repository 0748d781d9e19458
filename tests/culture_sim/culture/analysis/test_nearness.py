"""The nearest quiz up to symmetries, against trying every renaming; and what it is used for."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from culture_sim.culture.analysis.diversity import diversity, entropy, near_duplicates
from culture_sim.culture.analysis.nearness import distance, nearest
from world import Stream
from world.grids.world import GridsWorld

WORLD = GridsWorld(height=4, width=4, colours=3, rectangles=1, tasks=("replace_color", "frame"))


@pytest.fixture(scope="module")
def drawn():
    found = WORLD.draw(Stream(0, "near"), 0, 400, "train")
    return found[np.unique(WORLD.canonical_hash(found), return_index=True)[1]]


COLOURS = WORLD.symmetries(WORLD.draw(Stream(0, "near"), 0, 1, "train")).renamable


def slow_distance(one, other):
    """The least of all renamings."""
    return min(
        (np.array([0, *names])[one] != other).sum() for names in itertools.permutations((1, 2, 3))
    )


def test_distance_is_that_of_the_best_renaming():
    rng = np.random.default_rng(0)
    for _ in range(200):
        one, other = rng.integers(4, size=(2, 40)).astype(np.uint8)
        assert distance(one, other, COLOURS) == slow_distance(one, other)
    assert distance(one, np.array([0, 3, 1, 2], dtype=np.uint8)[one], COLOURS) == 0
    assert distance(one, other, np.zeros(8, dtype=bool)) == (one != other).sum()


def test_nearest_is_the_least_over_pool_and_readings(drawn):
    batch, pool = drawn[:20], drawn[20:]
    found = nearest(WORLD, batch, pool)
    for row in range(20):
        table = [
            min(slow_distance(reading, known) for reading in WORLD.symmetries(batch).readings[row])
            for known in WORLD.symmetries(pool).readings[:, 0]
        ]
        assert found.distance[row] == min(table)
        assert table[found.index[row]] == min(table)


def test_a_quiz_is_its_own_nearest_unless_others_are_asked_for(drawn):
    some = drawn[:30]
    assert not nearest(WORLD, some, some).distance.any()
    found = nearest(WORLD, some, some, np.eye(30, dtype=bool))
    assert (found.distance > 0).all()
    assert (found.index != np.arange(30)).all()
    empty = nearest(WORLD, some, some[:0])
    assert (empty.index == -1).all()
    assert (empty.distance == 64).all()


def test_near_duplicates_are_counted_within_a_round_and_before_it(drawn):
    itself = np.eye(len(drawn), dtype=bool)
    far = drawn[nearest(WORLD, drawn, drawn, itself).distance > 4]
    assert len(far) >= 2
    assert near_duplicates(WORLD, far, None) == 0.0
    assert near_duplicates(WORLD, far, far) == 1.0
    assert near_duplicates(WORLD, far[:1], None) is None
    assert near_duplicates(WORLD, far[:0], far) is None
    assert diversity(WORLD, far, [far[:1], far[1:2]])["near_duplicates"] == 2 / len(far)


def test_entropy_falls_when_quizzes_become_the_same():
    rng = np.random.default_rng(0)
    fair = rng.integers(4, size=(4000, 30)).astype(np.uint8)
    assert abs(entropy(fair) - 2) < 0.01
    assert entropy(np.repeat(fair[:1], 50, axis=0)) == 0
    assert entropy(fair[:0]) is None
