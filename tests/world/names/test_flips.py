"""Flips: one thing is changed, everything else stays, and columns say where it stands."""

from dataclasses import fields, replace

import numpy as np
import pytest

from tests.helpers.sentences import quizzes, texts
from world import ExplainedBy, Stream
from world.names import NamesWorld
from world.names.flips import FLIPS

WORLD = NamesWorld(distractors=1)
STREAM = Stream(0, "flips")
CHANGED = {
    "io": {"first", "second"},
    "s": {"first", "second", "giver"},
    "both": {"first", "second", "giver"},
    "order": {"first", "second"},
    "giver": {"giver"},
    "s1": {"first", "second"},
    "s2": {"giver"},
    "prefix": {"prefix"},
    "gap": {"gap"},
    "distance": {"late"},
    "scenery": {"place", "object"},
    "moved": set(),
}


@pytest.fixture(scope="module")
def batch():
    drawn = WORLD.draw(STREAM, 0, 300, "test")
    return WORLD.for_exam(drawn)


def flip(batch, kind, world=WORLD):
    return world.flip(batch, kind, np.random.default_rng(0))


def test_every_flip_is_tried_here():
    assert CHANGED.keys() == FLIPS.keys() == WORLD.flips.keys()
    still = replace(WORLD, prefix=0, gap=0, floats=0)
    assert FLIPS.keys() - still.flips.keys() == {"prefix", "gap", "distance", "moved"}


@pytest.mark.parametrize("kind", CHANGED)
def test_one_thing_is_changed(batch, kind):
    found = flip(batch, kind)
    assert np.array_equal(found.rows, np.flatnonzero(batch.task < 2))
    assert np.array_equal(found.base.batch.tokens, batch.tokens[found.rows])
    assert np.array_equal(found.base.batch.task, batch.task[found.rows])
    base, changed = (WORLD.read(side.batch).sentences for side in (found.base, found.changed))
    differ = set()
    for field in fields(base):
        one, other = (getattr(side, field.name).reshape(len(base), -1) for side in (base, changed))
        if (one != other).any():
            differ.add(field.name)
            assert kind in ("io", "s", "s1") or (one != other).any(axis=1).all()
    assert differ == CHANGED[kind]
    if kind == "moved":
        assert (found.base.batch.layout != found.changed.batch.layout).all()
    else:
        assert np.array_equal(found.base.batch.layout, found.changed.batch.layout)


@pytest.mark.parametrize("kind", CHANGED)
def test_both_are_answered_right(batch, kind):
    found = flip(batch, kind)
    for side in (found.base, found.changed):
        assert {each.kind for each in WORLD.explain(side.batch)} == {ExplainedBy.TASK}
        assert [WORLD.tasks[t] for t in side.batch.task] == [
            each.tasks[0] for each in WORLD.explain(side.batch)
        ]
    same = found.base.features["io"] == found.changed.features["io"]
    if kind in ("io", "both", "giver"):
        assert not same.any()
    else:
        assert same.all()
    third = WORLD.tasks.index("abc")
    assert (found.changed.batch.task == third).all() == (kind in ("s1", "s2"))


@pytest.mark.parametrize("kind", CHANGED)
def test_columns_say_where_everything_stands(batch, kind):
    found = flip(batch, kind)
    row = np.arange(len(found.rows))
    last = {WORLD.vocab.index("to"), WORLD.vocab.index("for")}
    for side in (found.base, found.changed):
        tokens, at = side.batch.tokens, side.columns
        assert np.array_equal(tokens[row, at["io"]], side.features["io"])
        assert np.array_equal(tokens[row, at["s1"]], side.features["s"])
        assert np.array_equal(at["after_s1"], at["s1"] + 1)
        assert np.array_equal(at["end"] + 1, at["answer"])
        assert set(tokens[row, at["end"]].tolist()) <= last
        assert WORLD.answer_mask(side.batch)[row, at["answer"]].all()
        assert np.array_equal(at["end"] - at["s2"], side.features["distance"])
        named_twice = tokens[row, at["s2"]] == side.features["s"]
        assert named_twice.all() != (side is found.changed and kind in ("s1", "s2"))


def test_what_moves_and_what_does_not(batch):
    moves = {
        kind: {
            name
            for name in ("io", "s1", "s2", "end")
            if (found.base.columns[name] != found.changed.columns[name]).all()
        }
        for kind in CHANGED
        if (found := flip(batch, kind))
    }
    everything = {"io", "s1", "s2", "end"}
    assert moves["moved"] == everything
    assert moves["order"] == moves["giver"] == {"io", "s1"}
    assert moves["distance"] == {"io", "s1", "s2"}
    assert moves["gap"] == {"io", "s1"}
    still = set(CHANGED) - {"moved", "order", "giver", "distance", "gap"}
    assert all(not moves[kind] for kind in still)


def test_counterfactuals_are_flips_with_another_answer(batch):
    assert WORLD.counterfactuals == ("io", "both", "giver", "s1", "s2")
    assert replace(WORLD, tasks=("abb", "bab")).counterfactuals == ("io", "both", "giver")
    for kind in WORLD.counterfactuals:
        pairs = WORLD.counterfactual(batch, kind, np.random.default_rng(0))
        assert {*pairs.clean.layout.tolist()} == {*range(5)}
        if kind == "giver":
            swapped = flip(batch, kind)
            assert np.array_equal(pairs.contrast[:, 1], swapped.base.features["s"])


def test_a_flip_in_words():
    world = NamesWorld()
    batch = quizzes(world, "Then Mary and John went to the park soon John gave a ring to Mary")
    changed = texts(world, flip(batch, "giver", world).changed.batch)
    assert changed == ["Then Mary and John went to the park soon Mary gave a ring to John"]
    changed = texts(world, flip(batch, "order", world).changed.batch)
    assert changed == ["Then John and Mary went to the park soon John gave a ring to Mary"]
    words = texts(world, flip(batch, "s1", world).changed.batch)[0].split()
    assert words[3] not in ("Mary", "John")
    assert words[-1] == "them"


def test_what_cannot_be_flipped_is_told(batch):
    with pytest.raises(ValueError, match="unknown kind 'none'; known: io, s, both"):
        flip(batch, "none")
    with pytest.raises(ValueError, match="unknown kind 'prefix'"):
        flip(batch, "prefix", replace(WORLD, prefix=0))
    with pytest.raises(ValueError, match="must be in a layout with an answer"):
        flip(WORLD.arrange(batch, WORLD.writing_layout), "io")
