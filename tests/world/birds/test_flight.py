"""States and steps of a bird, against a simulator that goes one step at a time."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.slow_birds import SlowBird, every_bird, fly
from world.birds.flight import Sky, apart
from world.birds.verifier import Bird, moved

SKY = Sky(6, 8)
SIZES = [(6, 8), (3, 3), (5, 4), (7, 9)]
CHANCES = {1: 0.31, 2: 0.57, 3: 0.77}
"""Of a bounce, by speed."""


def slow(sky):
    return [SlowBird(*state) for state in sky.states.tolist()]


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_every_state_is_listed_once_with_its_cells(height, width):
    sky = Sky(height, width)
    birds = slow(sky)
    assert set(birds) == set(every_bird(height, width))
    assert len(birds) == len(set(birds)) == 4 * (height - 1) * (width - 1)
    for bird, cells, covers in zip(birds, sky.cells.tolist(), sky.covers, strict=True):
        assert cells == [i * width + j for i, j in bird.cells()]
        assert np.flatnonzero(covers).tolist() == sorted(cells)
    row, column, down, right = sky.states.T
    numbers = sky.number[row, column, (down + 1) // 2, (right + 1) // 2]
    assert numbers.tolist() == list(range(len(birds)))
    assert (sky.number >= 0).sum() == len(birds)


def test_the_source_s_grid_has_140_states_and_a_period_of_70():
    assert len(SKY.states) == 140
    assert SKY.period == 70
    once = SKY.after(1)
    assert sorted(once) == list(range(140))  # each is led to by one
    assert np.array_equal(SKY.after(70), np.arange(140))
    # No bird is back before, and none of the two motions alone takes longer than its own period.
    first = [min(n for n in range(1, 71) if SKY.after(n)[s] == s) for s in range(140)]
    assert set(first) == {70}
    for axis, period in ((0, 10), (1, 14)):
        moves = SKY.states[:, [axis, axis + 2]]
        assert np.array_equal(moves[SKY.after(period)], moves)


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("steps", [1, 2, 3, 7])
def test_steps_are_those_of_the_simulator(height, width, steps):
    sky = Sky(height, width)
    birds = slow(sky)
    flown = [fly(bird, steps, height, width) for bird in birds]
    assert [birds[s] for s in sky.after(steps)] == [bird for bird, _ in flown]
    assert sky.walls(steps).tolist() == [walls for _, walls in flown]
    assert np.array_equal(sky.after(steps)[sky.after(-steps)], np.arange(len(birds)))
    # The verifier's formula says the same, both ways.
    for bird, (later, _) in zip(birds, flown, strict=True):
        assert moved(Bird(*bird), steps, height, width) == later
        assert moved(Bird(*later), -steps, height, width) == bird


def test_birds_are_apart_where_they_share_no_cell_in_either_frame():
    table, birds = apart(SKY, 2), slow(SKY)
    flown = [fly(bird, 2, 6, 8)[0] for bird in birds]
    for one in range(0, 140, 7):
        for other in range(140):
            now = set(birds[one].cells()) & set(birds[other].cells())
            later = set(flown[one].cells()) & set(flown[other].cells())
            assert table[one, other] == (not now and not later)


def test_reflections_keep_what_birds_do():
    for reflected in SKY.reflected:
        assert sorted(reflected) == list(range(48))
        cells = [frozenset(reflected[own].tolist()) for own in SKY.cells]
        states = [frozenset(own.tolist()) for own in SKY.cells]
        image = np.array([states.index(own) for own in cells])
        assert np.array_equal(image[SKY.after(3)], SKY.after(3)[image])


@pytest.mark.parametrize("speed", CHANCES)
def test_the_chance_of_a_bounce(speed):
    assert (SKY.walls(speed) > 0).mean() == pytest.approx(CHANCES[speed], abs=0.005)
    corners = SKY.walls(1) == 2
    assert corners.sum() == 4  # one state in each corner
