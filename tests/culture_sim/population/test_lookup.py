"""The lookup that answers from training pairs: all of what it knows, and nothing else."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest

from agents.training import recombined_quizzes
from culture_sim.population.copying import CopyingLookup
from culture_sim.population.exams import first_epoch_recombined
from culture_sim.population.lookup import Lookup, lookup_of
from culture_sim.population.nulls import score_lookup
from culture_sim.run.lookup import read_lookup
from culture_sim.run.run import Run
from tests.helpers.copy_world import CopyWorld
from world import QuizBatch, Stream
from world.core.world import World
from world.grids.world import GridsWorld
from world.names import NamesWorld
from world.strings import StringsWorld

STREAM = Stream(0, "lookup")
WORLDS = {"grids": GridsWorld(), "strings": StringsWorld()}


@pytest.fixture(params=list(WORLDS))
def world(request):
    return WORLDS[request.param]


@pytest.fixture
def trained(world):
    return world.draw(STREAM, 0, 3000, "train")


def test_it_answers_new_quizzes_of_pairs_that_it_knows(world, trained):
    lookup = Lookup.of(world, trained)
    quizzes = recombined_quizzes(world, STREAM, trained, 200)
    assert len(quizzes) == 200
    assert lookup.correct(quizzes).mean() > 0.98
    assert lookup.correct(world.for_exam(trained[:200])).mean() > 0.98


def test_it_answers_next_to_nothing_else(world, trained):
    exam = world.for_exam(world.draw(STREAM, 0, 400, "test"))
    assert Lookup.of(world, trained).correct(exam).mean() < 0.02


def test_one_that_copies_what_does_not_change_answers_most_new_pairs():
    """So held-out pairs alone show no more than that pairs are not known by heart."""
    world = GridsWorld(tasks=("frame", "detect", "corners"))
    lookup = CopyingLookup.of(world, world.draw(STREAM, 0, 2000, "train"))
    exam = world.for_exam(world.draw(STREAM, 0, 48, "test"))
    right, corners = lookup.correct(exam), exam.task == 2
    assert right[~corners].mean() > 0.9
    assert right[corners].mean() < 0.2
    few, graded = exam[:12], world.answer_mask(exam)[:12]
    other = np.where(graded, exam.tokens[12:24], few.tokens)
    told = lookup.correct(replace(few, tokens=other.astype(few.tokens.dtype)))
    changed = (other != few.tokens).any(axis=1)
    assert (changed & right[:12]).any()
    assert not told[changed & right[:12]].any()


def test_it_is_not_told_the_answer(world, trained):
    """Another answer in the quiz changes nothing of what it says."""
    lookup = Lookup.of(world, trained)
    exam = world.for_exam(trained[:50])
    answered = lookup.correct(exam)
    graded = world.answer_mask(exam)
    other = exam.tokens.copy()
    other[graded] = world.for_exam(trained[50:100]).tokens[graded]
    assert answered.mean() > 0.9
    changed = (other != exam.tokens).any(axis=1)
    assert not lookup.correct(replace(exam, tokens=other))[changed & answered].any()


def test_colours_and_direction_do_not_matter_to_it():
    world = WORLDS["grids"]
    trained = world.draw(STREAM, 0, 100, "train")
    names = np.arange(world.vocab_size, dtype=np.uint8)
    names[1 : world.colours + 1] = np.roll(names[1 : world.colours + 1], 2)
    renamed = replace(trained, tokens=names[trained.tokens])
    lookup = Lookup.of(world, trained)
    for layout in world.answer_layouts:
        assert lookup.correct(world.arrange(renamed, layout)).mean() > 0.98


def test_recombined_quizzes_are_new_and_of_known_pairs(world, trained):
    quizzes = recombined_quizzes(world, STREAM, trained, 203)
    assert np.isin(world.units_of(quizzes), world.units_of(trained)).all()
    assert not np.isin(world.canonical_hash(quizzes), world.canonical_hash(trained)).any()
    counts = np.bincount(quizzes.task, minlength=len(world.tasks))
    assert counts.max() - counts.min() <= 1
    assert counts.sum() == 203
    assert set(quizzes.layout.tolist()) == set(world.answer_layouts)


def test_a_sequence_that_is_its_own_unit_cannot_be_recombined(monkeypatch):
    for name in ("SEARCHED", "MOST_SEARCHED"):
        monkeypatch.setattr(f"agents.training.{name}", 64)
    world = CopyWorld()
    trained = world.draw(STREAM, 0, 100, "train")
    assert len(recombined_quizzes(world, STREAM, trained, 10)) == 0
    assert Lookup.of(world, trained) is None


def test_a_world_may_say_itself_what_is_known_by_heart(world, trained):
    assert isinstance(lookup_of(world, trained), Lookup)
    names = NamesWorld()
    seen = names.draw(STREAM, 0, 3000, "train")
    lookup = lookup_of(names, seen)
    assert lookup.known == len(np.unique(names.units_of(seen)[:, 0]))
    exam = names.for_exam(names.draw(STREAM, 0, 300, "test"))
    assert np.array_equal(lookup.correct(exam), names.by_heart(seen, exam))
    known = recombined_quizzes(names, STREAM, seen, 90)
    right = lookup.correct(known)
    assert right.mean() > lookup.correct(exam).mean() > 0.2
    assert not lookup.correct(exam)[exam.task < 2].any()


def test_a_run_has_its_scores(stored):
    run = Run.open(stored)
    scores = read_lookup(run)
    assert scores is not None
    assert scores.quizzes == sum(run.agent_state(agent).quizzes for agent in run.agents)
    assert scores.accuracy < 0.05 < 0.9 < scores.recombined
    assert set(scores.by_task) <= set(run.config.world.tasks)
    copying = scores.copying
    assert 0 < copying.quizzes <= run.config.train.test_quizzes
    assert scores.high < copying.low <= copying.accuracy <= copying.high
    assert set(copying.by_task) <= set(scores.by_task)
    assert copying.new_objects < copying.other_scenes < copying.accuracy
    assert copying.new_objects < 0.2
    assert all(run.agent_state(agent).new_objects.total for agent in run.agents)
    before = (stored / "lookup.json").stat().st_mtime_ns
    score_lookup(run)
    assert (stored / "lookup.json").stat().st_mtime_ns == before


def test_the_exam_of_an_agent_is_of_its_own_first_epoch(stored):
    config = Run.open(stored).config
    sets = [first_epoch_recombined(config, Stream(config.seed, "", agent=a)) for a in (0, 1)]
    units = [set(config.world.units_of(quizzes).ravel().tolist()) for quizzes in sets]
    assert units[0] != units[1]
    assert all(len(quizzes) for quizzes in sets)


def test_it_looks_up_in_so_many_quizzes_at_most(stored, tmp_path, monkeypatch):
    path = tmp_path / "run"
    shutil.copytree(stored, path)
    monkeypatch.setattr("culture_sim.population.nulls.MOST_QUIZZES", 502)
    run = Run.open(path)
    score_lookup(run)
    assert read_lookup(run).quizzes == 500


def test_other_scenes_can_be_drawn_where_there_is_hardly_a_scene_more():
    """Of four rectangles on 6x6 grids there is one scene: its pairs are in no split twice."""
    world = GridsWorld(rectangles=3, tasks=("replace_color", "grow"))
    other = world.other_scenes()
    assert other.rectangles == 2
    assert len(other.draw(STREAM, 0, 20, "test")) == 20
    assert GridsWorld(rectangles=4, tasks=("frame", "half_fill"), colours=8).other_scenes()


@pytest.mark.parametrize("task", ["trajectory", "scale"])
def test_a_task_that_shows_no_rectangles_has_no_other_scenes(task):
    assert GridsWorld(tasks=(task,)).other_scenes() is None


@pytest.mark.parametrize("size", [6, 7, 8])
def test_other_scenes_are_none_of_the_worlds_own(size):
    world: World = GridsWorld(height=size, width=size)
    other = world.other_scenes()
    assert (other.seq_len, other.vocab) == (world.seq_len, world.vocab)
    shown: list[QuizBatch] = [w.draw(STREAM, 0, 800, "test") for w in (world, other)]
    pairs = [set(world.units_of(batch).ravel().tolist()) for batch in shown]
    assert not pairs[0] & pairs[1]
    crowded = GridsWorld(height=5, width=5, rectangles=1, tasks=("frame",))
    assert crowded.other_scenes() is None
