"""Brackets drawn: in text as they are written, in a picture with the path that they climb."""

import re

import pytest

from tests.helpers.brackets import quizzes
from world import Stream
from world.brackets import BracketsWorld
from world.core.view import CELL, MARKS
from world.strings import StringsWorld

WORLD = BracketsWorld(length=8)


def climbed(picture):
    """Heights after 0, 1, ... brackets, in units of the picture, up from where they began."""
    (path,) = re.findall(r'stroke-width="1.2" d="M(0 [^"]*)"', picture)
    points = [tuple(map(float, point.split())) for point in path.split("L")]
    assert [x for x, _ in points] == [k * CELL for k in range(len(points))]
    return [points[0][1] - y for _, y in points]


@pytest.mark.parametrize(
    ("text", "heights"),
    [
        ("(())", [0, 1, 2, 1, 0]),
        ("())(", [0, 1, 0, -1, 0]),
        ("))", [0, -1, -2]),
    ],
)
def test_the_height_is_drawn_above_the_brackets(text, heights):
    found = climbed(WORLD.svg(quizzes(WORLD, text), 0))
    assert found == pytest.approx([h * CELL / 2 for h in heights], abs=0.01)


def test_the_path_of_any_string_stays_in_its_room():
    batch = WORLD.draw(Stream(0, "view"), 0, 100, "train")
    for row in range(100):
        found = climbed(WORLD.svg(batch, row))
        assert max(found) - min(found) <= MARKS["rise"] * CELL
    tall = re.search(r'height="([\d.]+)"', WORLD.svg(batch, 0)).group(1)
    assert float(tall) == 11 + (1 + MARKS["rise"]) * CELL


def test_worlds_that_climb_nothing_have_no_room_for_it():
    strings = StringsWorld()
    picture = strings.svg(strings.draw(Stream(0, "view"), 0, 1, "train"), 0)
    assert 'stroke-width="1.2" d="M0 ' not in picture
    assert 'height="21"' in picture


def test_brackets_in_text():
    world = BracketsWorld(length=8, scratch="count")
    text = world.text(quizzes(world, "())("), 0, plain=True)
    head, row = text.splitlines()
    assert head.split() == ["string", "verdict"]
    assert row.split() == ["(", ")", ")", "(", *["."] * 4, "1", "0", "#", "N", *["."] * 5]
