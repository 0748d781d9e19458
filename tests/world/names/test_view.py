"""Sentences drawn: the words alone in a terminal, lines of words in a picture."""

import re

import numpy as np

from tests.helpers.sentences import quizzes
from world import Stream
from world.core.view import CELL, MARKS
from world.names import NamesWorld

WORLD = NamesWorld()
GIVES = "When Mary and John were at the park John gave a ring to"


def test_a_sentence_in_text():
    head, row = WORLD.text(quizzes(WORLD, f"{GIVES} Mary"), 0, plain=True).splitlines()
    assert head.split() == ["sentence", "answer"]
    assert row.rstrip() == f"{GIVES}  Mary"
    assert head.index("answer") == row.rindex("Mary")
    coloured = WORLD.text(quizzes(WORLD, f"{GIVES} Mary"), 0)
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured).splitlines()[1].rstrip() == row.rstrip()


def test_words_do_not_overlap_and_lines_are_as_long_as_they_may_be():
    batch = WORLD.draw(Stream(0, "view"), 0, 50, "train")
    for row in range(len(batch)):
        sentence, answer = WORLD._panels(batch, row)
        left, top, width = sentence.boxes.T
        for line in np.unique(top):
            here = top == line
            assert np.allclose(left[here][1:], (left + width)[here][:-1])
        assert (left + width).max() <= MARKS["line"] * CELL
        assert sentence.height == top.max() + CELL
        assert answer.height == CELL
        assert sentence.width <= MARKS["line"] * CELL


def test_every_word_is_written_in_the_picture():
    picture = WORLD.svg(quizzes(WORLD, f"{GIVES} Mary"), 0)
    written = re.findall(r">([A-Za-z]+)</text>", picture)
    assert written == ["sentence", *GIVES.split(), "answer", "Mary"]
    assert WORLD.png(quizzes(WORLD, f"{GIVES} Mary"), 0).height > 16
