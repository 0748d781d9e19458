"""The world of held-out rectangles: none in training, and all that is acted on in the test."""

import numpy as np
import pytest

from benchmarks.held_out_rectangles import HeldOutRectangles, rectangle_splits
from world import Stream
from world.grids.painting.task import tasks

WORLD = HeldOutRectangles(height=7, width=7)


@pytest.mark.parametrize("task", WORLD.tasks)
def test_no_training_scene_shows_what_the_others_act_on(task):
    material, scenes = WORLD.painter.material[task], np.zeros(3, dtype=int)
    for pool in material.pools:
        shown = [rectangle_splits(WORLD.plane, pool.of(split)) for split in range(3)]
        assert (shown[0] == 0).all()
        for split in (1, 2):
            last = shown[split][:, -1] == split
            assert last.all() or task in ("contact", "detect")
            assert (shown[split] == split).any(axis=1).all()
        scenes += [len(each) for each in shown]
    assert scenes.min() > 0


def test_a_tenth_of_the_rectangles_is_in_each_of_both_splits():
    counts = np.bincount(rectangle_splits(WORLD.plane, WORLD.plane.listed(1)[:, 0]))
    assert counts.tolist() == [181, 22, 22]


@pytest.mark.parametrize("split", WORLD.splits)
def test_its_quizzes_follow_their_rules(split):
    batch = WORLD.draw(Stream(0, "held out"), 0, 200, split)
    for quiz, task in zip(WORLD.grids(batch), batch.task.tolist(), strict=True):
        assert tasks[WORLD.tasks[task]]().verify(*quiz)
