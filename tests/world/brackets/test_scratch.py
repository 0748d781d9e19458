"""Scratchpads against a slow reading of the same rules, and their sizes."""

import re

import numpy as np
import pytest

from tests.helpers.brackets import every, padded
from world.brackets.scratch import (
    FIRST_VALUE,
    MOST,
    NO,
    YES,
    answers,
    own_values,
    refuse_long,
    room,
)
from world.core.errors import UserError

TEXT = {1: "(", 2: ")", YES: "Y", NO: "N"}


def said(scratch, row, length):
    """A row of an answer as text, without the blanks behind it."""
    own = own_values(scratch, length)
    short = {"below zero": "#"}
    words = [TEXT[v] if v in TEXT else short.get(w := own[v - FIRST_VALUE], w) for v in row if v]
    assert not any(row[len(words) :])
    return " ".join(words)


def counted(text):
    words, height = [], 0
    for bracket in text:
        height += 1 if bracket == "(" else -1
        words.append("#" if height < 0 else str(height))
        if height < 0:
            break
    return [*words, "N" if height else "Y"]


def cancelled(text):
    words = []
    while "()" in text:
        text = text.replace("()", "", 1)
        words += ["&", *text] if text else []
    return [*words, "&", "N" if text else "Y"]


@pytest.mark.parametrize(
    ("scratch", "text", "answer"),
    [
        ("cancel", "(())", "& ( ) & Y"),
        ("cancel", "())(", "& ) ( & N"),
        ("cancel", "()", "& Y"),
        ("cancel", "))", "& N"),
        ("count", "(())", "1 2 1 0 Y"),
        ("count", "())(", "1 0 # N"),
        ("count", "((", "1 2 N"),
        ("none", "(())", "Y"),
        ("none", "())(", "N"),
    ],
)
def test_what_is_written(scratch, text, answer):
    assert said(scratch, answers(scratch, padded(text))[0].tolist(), 8) == answer


@pytest.mark.parametrize(("scratch", "slow"), [("count", counted), ("cancel", cancelled)])
def test_all_strings_of_eight_and_of_six(scratch, slow):
    for strings in (every(8), np.pad(every(6), ((0, 0), (0, 2)))):
        written = answers(scratch, strings)
        assert written.shape == (len(strings), room(scratch, 8) + 1)
        for row, string in zip(written.tolist(), strings.tolist(), strict=True):
            text = "".join(TEXT[bracket] for bracket in string if bracket)
            assert said(scratch, row, 8) == " ".join(slow(text))


@pytest.mark.parametrize("length", [4, 8, 10])
def test_the_longest_scratchpad_fills_its_room(length):
    for scratch in ("count", "cancel"):
        used = (answers(scratch, every(length)) > 0).sum(axis=1)
        assert used.max() == room(scratch, length) + 1


def test_rooms():
    """65 tokens with the verdict for 16 brackets, 1,025 for 64."""
    assert room("cancel", 16) + 1 == 65
    assert room("cancel", 64) + 1 == 1025
    assert room("count", 40) == 40
    assert room("none", 40) == 0


def test_a_scratchpad_that_is_too_long_is_refused():
    refuse_long("count", 64)
    refuse_long("cancel", 20)
    assert room("cancel", 20) == MOST
    text = (
        "world.scratch 'cancel' takes 400 tokens for world.length 40, more than 100; set "
        "world.length to 20 at most, or another scratchpad"
    )
    with pytest.raises(UserError, match=f"^{re.escape(text)}$"):
        refuse_long("cancel", 40)
