"""The truth at every token, held against what a slow reading of single quizzes says."""

from __future__ import annotations

import numpy as np
import pytest

from world import QuizBatch, Stream
from world.core.wording import Wording
from world.grids.labels import OBJECT_LABELS
from world.grids.words import FLAGS, PHRASES
from world.grids.world import GridsWorld

WORLD = GridsWorld(height=6, width=7)
COUNT = 200


@pytest.fixture(scope="module")
def quizzes():
    """Quizzes in all layouts, those of the answer and the generating one."""
    drawn = WORLD.draw(Stream(0, "test-labels"), 0, COUNT, "train")
    return WORLD.arrange(drawn, (np.arange(COUNT) % len(WORLD.layouts)).astype(np.uint8))


@pytest.fixture(scope="module")
def labels(quizzes):
    """By name: [B, 4, H, W], grids in the order written."""
    return {name: cells(values) for name, values in WORLD.labels(quizzes).items()}


@pytest.fixture(scope="module")
def grids(quizzes):
    """Colours [B, 4, H, W] in the order written."""
    return cells(quizzes.tokens)


def cells(rows):
    return rows.reshape(len(rows), 4, -1)[:, :, 1:].reshape(-1, 4, WORLD.height, WORLD.width)


def slots(quizzes):
    """Of each quiz, by slot: the part and the slot of its partner."""
    for quiz, layout in enumerate(quizzes.layout):
        parts = WORLD.layouts[layout].parts
        for slot, part in enumerate(parts):
            yield quiz, slot, part, parts.index(part ^ 1)


def test_shapes_and_quiz_wide_labels(quizzes, labels):
    raw = WORLD.labels(quizzes)
    assert all(values.dtype == np.int16 for values in raw.values())
    assert all(values.shape == quizzes.tokens.shape for values in raw.values())
    assert all((values[:, :: 1 + WORLD.codec.cells] == -1).all() for values in raw.values())
    assert (labels["layout"] == quizzes.layout[:, None, None, None]).all()
    assert (labels["task"] == quizzes.task[:, None, None, None]).all()
    assert (
        labels["place"] == np.arange(WORLD.codec.cells).reshape(WORLD.height, WORLD.width)
    ).all()


def test_copying(quizzes, labels, grids):
    for quiz, slot, _, partner in slots(quizzes):
        grid, source = grids[quiz, slot].ravel(), grids[quiz, partner].ravel()
        found = {name: labels[name][quiz, slot].ravel() for name in labels}
        assert (found["changed"] == (grid != source)).all()
        if partner > slot:
            for name in ("source", "departs", "departed"):
                assert (found[name] == -1).all()
            continue
        first = int(np.flatnonzero(grid != source)[0])
        assert (found["source"] == source).all()
        assert np.flatnonzero(found["departs"]).tolist() == [first]
        assert (found["departed"] == (np.arange(len(grid)) > first)).all()


def test_neighbours_and_first_cells(labels, grids):
    assert (labels["above"][:, :, 0] == -1).all()
    assert (labels["above"][:, :, 1:] == grids[:, :, :-1]).all()
    for name, axis in (("like_above", 2), ("like_left", 3)):
        first, rest = np.split(labels[name], [1], axis=axis)
        assert (first == -1).all()
        assert (rest == (np.diff(grids.astype(int), axis=axis) == 0)).all()
    for quiz in range(0, COUNT, 20):
        for slot in range(4):
            grid = grids[quiz, slot].ravel().tolist()
            wanted = [-1 if c == 0 else int(c not in grid[:i]) for i, c in enumerate(grid)]
            assert labels["fresh"][quiz, slot].ravel().tolist() == wanted
            latest = [([0] + [c for c in grid[: i + 1] if c])[-1] for i in range(len(grid))]
            assert labels["latest"][quiz, slot].ravel().tolist() == latest


def test_colours_of_the_rule(quizzes, labels, grids):
    in_order = WORLD.grids(quizzes)
    for quiz in range(COUNT):
        x, fx = in_order[quiz, ::2], in_order[quiz, 1::2]
        for name, before in (("taken", x), ("put", fx)):
            colours = np.unique(before[x != fx])
            assert (labels[name][quiz] == np.isin(grids[quiz], colours)).all()


def test_places_within_rectangles(quizzes, labels):
    names = ("down", "across", "bottom", "right", "corner")
    for quiz, slot, _, _ in slots(quizzes):
        objects = labels["rectangle"][quiz, slot]
        assert ((objects >= 0) == (labels["down"][quiz, slot] >= 0)).all()
        for value in np.unique(objects[objects >= 0]):
            rows, columns = np.nonzero(objects == value)
            down, across, bottom, right, corner = (
                labels[name][quiz, slot, rows, columns] for name in names
            )
            assert (down == rows - rows.min()).all()
            assert (across == columns - columns.min()).all()
            assert (bottom == (rows == rows.max())).all()
            assert (right == (columns == columns.max())).all()
            cornered = (bottom | (down == 0)) & (right | (across == 0))
            wide = rows.max() > rows.min() and columns.max() > columns.min()
            assert not wide or (corner == np.where(cornered, 1 + 2 * bottom + right, 0)).all()


def test_objects_that_the_rule_changes():
    world = GridsWorld(tasks=("frame",))
    quizzes = world.draw(Stream(0, "test-acted"), 0, 50, "train")
    found = world.labels(quizzes)
    assert ((found["rectangle"] == 1) == (found["acted"] == 1)).all()
    assert ((found["rectangle"] == 0) == (found["acted"] == 0)).all()


def test_without_a_painter_there_are_no_objects(quizzes):
    made = QuizBatch(quizzes.tokens, quizzes.layout, np.full(COUNT, -1, np.int16))
    found = WORLD.labels(made)
    for name in ("task", *OBJECT_LABELS):
        assert (found[name] == -1).all()
    assert (found["changed"].max(axis=1) == 1).all()


@pytest.mark.parametrize("tasks", [WORLD.tasks, ("path", "bounce", "fill")])
def test_every_value_has_a_name(tasks):
    world = GridsWorld(tasks=tasks)
    batch = world.draw(Stream(0, "test-words"), 0, COUNT, "train")
    batch = world.arrange(batch, (np.arange(COUNT) % 5).astype(np.uint8))
    wording = world.wording
    found = world.labels(batch)
    assert set(found) == set(wording.values)
    assert set(wording.phrases) == set(wording.values) == set(PHRASES) | set(FLAGS)
    for name, values in found.items():
        assert values.max() < len(wording.values[name])
        assert len(set(wording.values[name])) == len(wording.values[name])


def test_phrases():
    wording = WORLD.wording
    assert wording.phrase("colour", 1) == "is blue"
    assert wording.phrase("part", 3) == "is in f(B)"
    assert wording.phrase("corner", 4) == "is the bottom right corner of an object"
    assert wording.phrase("departs", 1) == "is the first that differs from its source"
    assert Wording().phrase("place", 7) == "has place 7"
