"""The exam of what agents cannot have seen: rectangles that their grids have no room for."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from world import Stream
from world.grids.painting.rectangles import CrowdedPlane, Plane
from world.grids.painting.task import tasks
from world.grids.world import GridsWorld

STREAM = Stream(0, "new objects")


def apart(one, other):
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def rows(rectangles):
    return set(map(tuple, rectangles.reshape(-1, 4).tolist()))


@pytest.mark.parametrize(("height", "width", "others"), [(6, 6, 1), (7, 7, 1), (6, 8, 2)])
def test_they_leave_no_room_for_the_others(height, width, others):
    every = [tuple(one) for one in Plane(height, width).listed(1)[:, 0].tolist()]
    squares = [one for one in every if one[2] - one[0] == one[3] - one[1] == 3]
    expected = set()
    for one in every:
        free = [square for square in squares if apart(one, square)]
        sets = combinations(free, others)
        if not any(all(apart(*pair) for pair in combinations(each, 2)) for each in sets):
            expected.add(one)
    assert rows(CrowdedPlane(height, width, others).listed(1)) == expected
    assert 0 < len(expected) < len(every)


@pytest.mark.parametrize("size", [6, 7])
def test_no_scene_of_the_world_shows_one(size):
    world = GridsWorld(height=size, width=size)
    unseen = rows(world.new_objects().plane.listed(1))
    for material in world.painter.material.values():
        assert material.pools is not None
        for pool in material.pools:
            assert not unseen & rows(pool.scenes)


def test_its_quizzes_are_right_and_of_all_tasks_that_a_single_rectangle_shows():
    world = GridsWorld(height=7, width=7)
    exam = world.new_objects()
    assert (exam.seq_len, exam.vocab) == (world.seq_len, world.vocab)
    assert set(world.tasks) - set(exam.tasks) == {"detect", "contact"}
    batch = exam.draw(STREAM, 0, 600, "test")
    assert set(batch.task.tolist()) == set(range(len(exam.tasks)))
    for quiz, task in zip(exam.grids(batch), batch.task.tolist(), strict=True):
        assert tasks[exam.tasks[task]]().verify(*quiz)
    unseen = {exam.plane.full(one[None])[0].tobytes() for one in exam.plane.listed(1)[:, 0]}
    framed = batch[batch.task == exam.tasks.index("frame")]
    painted = exam.grids(framed)[:, [0, 2]].reshape(2 * len(framed), -1) > 0
    assert {one.tobytes() for one in painted} <= unseen


def test_no_pair_of_the_exam_is_one_of_the_world():
    world = GridsWorld(height=7, width=7)
    exam = world.new_objects()
    units = exam.units_of(exam.draw(STREAM, 0, 600, "test"))
    for material in world.painter.material.values():
        for pool in material.pools:
            assert not np.isin(units, pool.units).any()


@pytest.mark.parametrize(
    "options",
    [
        {"rectangles": 1, "tasks": ("frame",)},  # every rectangle is shown alone
        {"tasks": ("trajectory",)},  # which shows no rectangle
        {"tasks": ("frame", "translate_over")},  # it moves one where there is no room
        {"tasks": ("frame", "scale")},  # which does not say that it shows none
        # too many sets
        {"height": 14, "width": 14, "rectangles": 4, "colours": 8, "tasks": ("frame",)},
    ],
)
def test_a_world_without_such_rectangles_has_no_exam(options):
    assert GridsWorld(**options).new_objects() is None


@pytest.mark.parametrize("task", sorted(tasks))
def test_a_task_shows_such_a_rectangle_only_where_it_says_so(task):
    world = GridsWorld(height=10, width=10, rectangles=3, colours=10, tasks=(task,))
    fewest = tasks[task]().scenes(world.plane, 3).rectangles
    unseen = rows(CrowdedPlane(10, 10, max(fewest - 1, 1)).listed(1))
    shown = set()
    for grid in world.grids(world.draw(STREAM, 0, 1000, "train")).reshape(-1, 10, 10):
        for colour in np.unique(grid[grid > 0]):
            down, right = np.nonzero(grid == colour)
            box = (down.min(), right.min(), down.max() + 1, right.max() + 1)
            if (grid[box[0] : box[2], box[1] : box[3]] == colour).all():
                shown.add(tuple(map(int, box)))
    assert bool(shown & unseen) <= (not tasks[task].keeps_to_scene)
