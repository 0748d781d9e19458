"""Concepts of real quizzes: true where the world's labels say so, and said in plain English."""

from __future__ import annotations

import numpy as np
import pytest

from sae.activations.harvest import token_rows
from sae.activations.quizzes import held_out_quizzes
from sae.concepts import find_concepts
from sae.concepts.truth import NEXT, QUIZ, READ
from world import UNKNOWN_TASK, QuizBatch, Stream, concatenate
from world.grids.world import GridsWorld

WORLD = GridsWorld()


@pytest.fixture(scope="module")
def batch():
    return held_out_quizzes(WORLD, Stream(0, "test-truth"), 200)


@pytest.fixture(scope="module")
def rows(batch):
    return token_rows(WORLD, batch)


@pytest.fixture(scope="module")
def concepts(batch, rows):
    return find_concepts(WORLD, batch, rows)


def number(concepts, moment, label, value_name):
    wanted = moment, label, value_name
    return [(c.moment, c.label, c.value_name) for c in concepts.concepts].index(wanted)


def rows_of(concepts, k):
    return concepts.true[concepts.label_of[k]] == k


def test_a_concept_is_true_where_its_label_has_its_value(batch, rows, concepts):
    labels = WORLD.labels(batch)
    moments = {NEXT: rows.position, READ: rows.position - 1, QUIZ: rows.position}
    for k, concept in enumerate(concepts.concepts):
        values = labels[concept.label][rows.quiz, moments[concept.moment]]
        assert (rows_of(concepts, k) == (values == concept.value)).all()


def test_moments(batch, rows, concepts):
    red = number(concepts, NEXT, "colour", "vermilion")
    assert (rows_of(concepts, red) == (rows.target == 5)).all()
    red = number(concepts, READ, "colour", "vermilion")
    assert (rows_of(concepts, red) == (rows.token == 5)).all()
    by_moment = {m: {c.label for c in concepts.concepts if c.moment == m} for m in (NEXT, QUIZ)}
    assert by_moment[QUIZ] == {"task", "layout"}
    assert not by_moment[NEXT] & by_moment[QUIZ]


def test_what_is_the_same_of_both_tokens_is_asked_once(concepts):
    keys = {(c.moment, c.label) for c in concepts.concepts}
    assert (NEXT, "part") in keys
    assert (READ, "part") not in keys
    together = concepts.together(np.ones(len(concepts.rows), dtype=bool))
    counts = together.diagonal()
    share = together / (counts[:, None] + counts - together)
    assert share[~np.eye(len(concepts), dtype=bool)].max() < 0.9


def test_rare_concepts_and_constant_ones_are_left_out(batch, rows, concepts):
    together = [concepts.together(half).diagonal() for half in (rows.evaluation, ~rows.evaluation)]
    halves = [int(rows.evaluation.sum()), int((~rows.evaluation).sum())]
    for counts, size in zip(together, halves, strict=True):
        assert counts.min() >= 50
        assert (size - counts).min() >= 50
    few = find_concepts(WORLD, batch, rows, least=2000)
    assert 0 < len(few) < len(concepts)
    assert len(find_concepts(WORLD, batch, rows, least=len(rows))) == 0


def test_quizzes_without_a_painter_are_left_out(batch, concepts):
    made = QuizBatch(batch.tokens, batch.layout, np.full(len(batch), UNKNOWN_TASK, np.int16))
    both = concatenate([batch, made])
    drawn = QuizBatch(both.tokens, both.layout, both.task, np.tile(batch.regions, (2, 1)))
    rows = token_rows(WORLD, drawn)
    found = find_concepts(WORLD, drawn, rows)
    assert found.total == len(rows)
    assert (rows.task[found.rows] != UNKNOWN_TASK).all()
    assert (found.true == concepts.true).all()


def test_counts_of_pairs(concepts):
    chosen = concepts.evaluation
    together = concepts.together(chosen)
    for i, j in ((0, 0), (3, 40), (40, 3), (11, 90)):
        both = rows_of(concepts, i) & rows_of(concepts, j) & chosen
        assert together[i, j] == both.sum()
    share = together.diagonal() / chosen.sum()
    assert concepts.prevalence == pytest.approx(share)


def test_sentences(concepts):
    red = number(concepts, NEXT, "colour", "vermilion")
    image = number(concepts, NEXT, "part", "f(B)")
    read = number(concepts, READ, "colour", "blue")
    task = number(concepts, QUIZ, "task", "frame")
    assert concepts.text([red]) == "next cell is vermilion"
    assert concepts.text([red, image]) == "next cell is vermilion, in f(B)"
    assert concepts.text([read, image]) == "cell read is blue; next cell is in f(B)"
    assert concepts.text([image, read, red]) == "next cell is in f(B), vermilion; cell read is blue"
    assert concepts.text([task]) == "quiz is of task frame"
