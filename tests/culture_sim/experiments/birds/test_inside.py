"""Patching on networks whose inside is known, and what probes are asked at which token."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from culture_sim.experiments.birds import probing
from culture_sim.experiments.birds.patching import (
    CELLS,
    FOLLOWS,
    MOVED,
    PLACES,
    answer_cells,
    bird_cells,
    patching_rows,
)
from culture_sim.experiments.birds.probing import KINDS, READ, WRITTEN, moments, probing_rows
from tests.culture_sim.experiments.birds.conftest import WORLD
from world import Stream
from world.birds.codec import CONTEXT

STREAM = Stream(0, "birds-inside-tests")


@pytest.fixture(scope="module", params=[0, 1])
def pair(request):
    """Quizzes and their counterparts in both directions."""
    drawn = WORLD.draw(STREAM, 0, 20, "test")
    found = WORLD.counterfactual(drawn, "bird", np.random.default_rng(0))
    return tuple(WORLD.arrange(b, request.param) for b in (found.clean, found.changed))


def test_the_changed_bird_has_the_cells_that_differ(pair):
    clean, changed = pair
    own = bird_cells(clean, changed)
    assert not ((clean.tokens != changed.tokens) & ~own).any()
    for frame in (WORLD.answer_mask(clean), WORLD.part_of(clean) == CONTEXT):
        for batch in pair:
            # Of the bird, and of no other: three cells of one colour.
            cells = np.where(own & frame, batch.tokens, 0)
            assert ((cells > 0).sum(axis=1) == 3).all()


def test_every_cell_of_the_answer_is_of_one_kind(pair):
    clean, changed = pair
    kinds = answer_cells(WORLD, clean, changed)
    assert tuple(kinds) == CELLS
    np.testing.assert_array_equal(sum(kinds.values()), WORLD.answer_mask(clean))
    before, after, both = (kinds[name].sum(axis=1) for name in CELLS[:3])
    assert (before + both == 3).all()
    assert (after + both == 3).all()
    assert (kinds["other birds"].sum(axis=1) == 3 * (WORLD.birds - 1)).all()


def test_what_is_patched_moves_the_answer_and_places_without_it_do_not(model):
    table = pd.DataFrame(patching_rows(model, WORLD, 6, 0))
    assert set(table["change"]) == set(WORLD.counterfactuals)
    assert set(table["place"]) == set(PLACES)
    entered = table[table["site"] == "blocks.0.hook_resid_pre"]
    moved = entered[entered["measure"] == MOVED].groupby("place")["value"].mean()
    assert moved["the bird"] > 1e-3
    # What is embedded elsewhere is the same in both quizzes.
    assert moved["other birds"] == moved["background"] == 0
    assert moved["the whole frame"] == pytest.approx(moved["the bird"], rel=1e-4)
    # What was given matters no more after the last block.
    left = table[table["site"] == "blocks.1.hook_resid_post"]
    assert (left[left["measure"] == MOVED]["value"] == 0).all()
    assert set(table["measure"]) == {MOVED, FOLLOWS}
    assert table["value"].between(0, 1).all()


def test_a_bird_is_looked_for_when_it_was_read_and_before_it_is_written():
    batch = WORLD.draw(STREAM, 0, 12, "test")
    labels = WORLD.labels(batch)
    (read, was, at_read), (written, will, at_write) = moments(WORLD, batch)
    assert (read, written) == (READ, WRITTEN)
    assert (at_read.sum(axis=1) == WORLD.birds).all()
    assert (at_write.sum(axis=1) == WORLD.birds).all()
    given, answer = WORLD.part_of(batch) == CONTEXT, WORLD.answer_mask(batch)
    for quiz, position in zip(*np.nonzero(at_read), strict=True):
        token = position - 1
        colour = batch.tokens[quiz, token]
        assert np.flatnonzero((batch.tokens[quiz] == colour) & given[quiz]).max() == token
        values = {target.name: target.values[quiz, position] for target in was}
        assert values["heading"] == labels["heading"][quiz, token]
        assert values["head row"] == labels["head_row"][quiz, token]
        assert values["will bounce"] == (labels["walls"][quiz, token] > 0)
    for quiz, position in zip(*np.nonzero(at_write), strict=True):
        colour = batch.tokens[quiz, position]
        assert np.flatnonzero((batch.tokens[quiz] == colour) & answer[quiz]).min() == position
        (column,) = (t.values[quiz, position] for t in will if t.name == "head column")
        assert column == labels["head_column"][quiz, position]


def test_probes_stand_beside_their_controls(model, monkeypatch):
    monkeypatch.setattr(probing, "KINDS", {"head row": "number", "heading": "class"})
    monkeypatch.setattr(probing, "residual_sites", lambda _: ("blocks.0.hook_resid_pre",))
    table = pd.DataFrame(probing_rows(model, WORLD, 24, 0))
    assert set(table["group"]) == {"head row", "heading"} < set(KINDS)
    assert set(table["place"]) == {READ, WRITTEN}
    probes = {"agent", "untrained", "shuffled", "position"}
    assert set(table["probe"]) == probes | {f"agent less {p}" for p in probes - {"agent"}}
    assert set(table["measure"]) == {"r2", "balanced_accuracy"}
    assert (table["support"] == 24 * WORLD.birds).all()
    of = table.set_index(["place", "group", "probe"])["value"]
    for name in (READ, WRITTEN):
        less = of[name, "heading", "agent"] - of[name, "heading", "position"]
        assert of[name, "heading", "agent less position"] == pytest.approx(less)
