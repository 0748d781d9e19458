"""What accuracy is told by, against the slow simulator; and answers by another law."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from agents.training import unseen_quizzes
from culture_sim.experiments.birds import accuracy
from culture_sim.experiments.birds.accuracy import (
    BOTH,
    IN_WORLD,
    OF_AGENTS,
    OF_QUIZZES,
    OVERLAPS,
    accuracy_table,
    distances,
    exams_of,
    quiz_table,
)
from tests.culture_sim.experiments.birds.conftest import WORLD
from tests.helpers.slow_birds import fly, seen
from world import Stream, UserError
from world.birds import BirdsWorld
from world.birds.codec import FIRST

STREAM = Stream(0, "birds-tests")


def slow_distance(world, quiz):
    """King's moves between the nearest cells of two birds of either frame."""
    grids = world.frames(quiz).reshape(2, world.height, world.width).tolist()
    found = []
    for frame in grids:
        birds = [states[0].cells() for states in seen(frame).values()]
        for one, other in combinations(birds, 2):
            found += [max(abs(a - c), abs(b - d)) for a, b in one for c, d in other]
    return min(found, default=-1)


def test_quizzes_are_told_apart_as_the_simulator_has_it():
    batch = WORLD.for_exam(WORLD.draw(STREAM, 0, 40, "test"))
    told, near = quiz_table(WORLD, batch), distances(WORLD, batch)
    assert set(told["direction"]) == {"forward", "backward"}
    for row in range(len(batch)):
        first = WORLD.frames(batch[row : row + 1])[0, FIRST]
        birds = seen(first.reshape(WORLD.height, WORLD.width).tolist())
        walls = [fly(s[0], WORLD.speed, WORLD.height, WORLD.width)[1] for s in birds.values()]
        assert told["birds"][row] == len(birds)
        assert told["bounces"][row] == sum(met > 0 for met in walls)
        assert told["walls"][row] == max(walls)
        assert near[row] == slow_distance(WORLD, batch[row : row + 1])
    assert near.min() > 0


def test_birds_that_cover_each_other_are_at_no_distance_and_one_alone_at_none():
    exams = {exam.name: exam.world for exam in exams_of(WORLD)}
    overlapping = exams[OVERLAPS].draw(STREAM, 0, 20, "test")
    assert (distances(exams[OVERLAPS], overlapping) == 0).all()
    assert (quiz_table(exams[OVERLAPS], overlapping)["hidden"] > 0).all()
    alone = exams["1 bird"].draw(STREAM, 0, 5, "train")
    assert (distances(exams["1 bird"], alone) == -1).all()


@pytest.mark.parametrize("speed", [1, 3])
def test_questions_of_another_speed_answered_by_the_law_of_the_world(speed):
    other = replace(WORLD, speed=speed)
    asked = other.for_exam(other.draw(STREAM, 0, 30, "test"))
    answered = WORLD.flown(asked)
    given = ~WORLD.answer_mask(asked)
    np.testing.assert_array_equal(answered.layout, asked.layout)
    assert (answered.tokens == asked.tokens)[given].all()
    assert (answered.tokens != asked.tokens).any(axis=1).all()
    assert {v.name for v in WORLD.verdicts(answered)} <= {"RIGHT", "AMBIGUOUS"}
    own = WORLD.for_exam(WORLD.draw(STREAM, 0, 30, "test"))
    np.testing.assert_array_equal(WORLD.flown(own).tokens, own.tokens)


def test_a_frame_that_tells_no_birds_is_answered_by_no_law():
    batch = WORLD.draw(STREAM, 0, 2, "test")
    batch.tokens[:, 1 : 1 + WORLD.codec.cells] = 0
    with pytest.raises(ValueError, match="does not tell"):
        WORLD.flown(batch)


def test_every_exam_is_scored_by_its_law_and_speeds_by_both(model, monkeypatch):
    monkeypatch.setattr(accuracy, "SPEEDS", (2, 3))
    table = accuracy_table([model, model], WORLD, 8, 0)
    laws = table.groupby("exam")["law"].agg(set).to_dict()
    assert laws.pop("speed 3") == {OF_QUIZZES, OF_AGENTS}
    assert set(laws) == {IN_WORLD, "1 bird", "2 birds", "4 birds", OVERLAPS}
    assert all(law == {OF_QUIZZES} for law in laws.values())
    whole = table[(table["by"] == "") & (table["agent"] == 1)]
    assert (whole[whole["direction"] == BOTH]["support"] == 8).all()
    assert (whole[whole["direction"] != BOTH]["support"] == 4).all()
    parts = table[(table["by"] == "bounces") & (table["direction"] == BOTH)]
    sums = parts.groupby(["agent", "exam", "law"])["support"].sum()
    assert (sums == 8).all()
    assert table["low"].le(table["value"]).all()


def test_answers_by_the_agents_law_are_told_by_what_that_law_does(model):
    table = accuracy_table([model], WORLD, 60, 0)
    other = replace(WORLD, speed=1)
    asked = unseen_quizzes(other, Stream(0, "birds-exam speed 1"), 60)
    answered = quiz_table(WORLD, WORLD.flown(asked))
    assert (answered["hidden"] > 0).any()
    wanted = {OF_QUIZZES: quiz_table(other, asked), OF_AGENTS: answered}
    told = table[(table["exam"] == "speed 1") & (table["direction"] == BOTH)]
    for law, quizzes in wanted.items():
        for by in ("bounces", "walls", "distance", "hidden"):
            some = told[(told["law"] == law) & (told["by"] == by)]
            counts = {str(group): count for group, count in quizzes[by].value_counts().items()}
            assert some.set_index("group")["support"].to_dict() == counts


@pytest.mark.parametrize("world", [BirdsWorld(birds=1), BirdsWorld(birds=7)])
def test_a_world_without_room_for_the_exams_is_refused(world):
    with pytest.raises(UserError, match="birds"):
        exams_of(world)
