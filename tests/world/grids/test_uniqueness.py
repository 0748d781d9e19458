"""Brute force on small worlds: whatever rule explains the example gives the same answer.

Every rule (task, parameter, colours), of tasks not learned too, is applied here, by slow code that
shares nothing with the generators, to every scene of a world. Two rules that explain one example
must then agree on every grid that both can be asked about, forwards and backwards: so each quiz
has one right answer.
"""

import itertools
from collections import defaultdict
from functools import cache

import pytest

from tests.helpers.slow_rules import RULES, Board, cells, frame, isometries, scene, scenes
from world import Stream
from world.grids.world import PUBLISHED_TASKS, GridsWorld

pytestmark = pytest.mark.slow

LARGEST = (7, 7, 2)
"""Here `path` alone has a million quizzes; only the eight published tasks are looked at, and
`symbols`, which smaller grids cannot show."""
WORLDS = [(5, 5, 1), (6, 6, 1), (6, 6, 2), (6, 6, 3), (6, 6, 4), (5, 8, 2), LARGEST, (7, 6, 3)]
"""Height, width, rectangles: several shapes, and more rectangles than two."""


@cache
def graphs(height, width, count):
    """By (task, parameter): the set of (X, f(X)) over every scene, in colours 1, 2, 3 ..."""
    draw, found = Board(height, width), defaultdict(set)
    for name in (*PUBLISHED_TASKS, "symbols") if (height, width, count) == LARGEST else RULES:
        rule, needed, shown = RULES[name]
        for rs in scenes(height, width, shown(count)):
            for parameter, x, fx in rule(draw, rs, tuple(range(1, needed(count) + 1))):
                found[name, parameter].add((x, fx))
    return dict(found)


def in_colours(grid, names):
    """A grid drawn in colours 1, 2, 3 ..., in ``names`` instead."""
    return grid.translate(bytes([0, *names]).ljust(256, b"\0"))


def roles_of(example):
    """The colours of an example as a rule would have them: role k is the k-th to appear."""
    return tuple(dict.fromkeys(example.replace(b"\0", b"")))


def by_example(edges):
    """Which (rule, its colours) explain each example, with colours named as they appear."""
    explains = defaultdict(set)
    for rule, pairs in edges.items():
        for x, fx in pairs:
            shown = roles_of(x + fx)
            place = {colour: k for k, colour in enumerate(shown, 1)}
            names = tuple(place[colour] for colour in sorted(shown))
            explains[in_colours(x + fx, names)].add((rule, names))
    return explains


@cache
def explanations(height, width, count):
    """The same of all graphs of a world."""
    return by_example(graphs(height, width, count))


def rivals(explains):
    """Pairs of different rules that explain one example.

    Each is (rule, other rule, colours): in its own colours 1, 2, 3 ... the first rule shares an
    example with the second in ``colours``.
    """
    found = set()
    for rules in explains.values():
        for (one, mine), (other, theirs) in itertools.permutations(rules, 2):
            role = {colour: k for k, colour in enumerate(mine, 1)}
            found.add((one, other, tuple(role[colour] for colour in theirs)))
    return found


def disagreements(edges, explains=None):
    """Rivals that answer a question differently, with the grid asked about."""
    for one, other, names in rivals(explains or by_example(edges)):
        theirs = [(in_colours(x, names), in_colours(fx, names)) for x, fx in edges[other]]
        for asked, answer in ((0, 1), (1, 0)):
            known = {pair[asked]: pair[answer] for pair in edges[one]}
            for pair in theirs:
                if known.get(pair[asked], pair[answer]) != pair[answer]:
                    yield one, other, names, pair[asked]
                    break


@pytest.mark.parametrize("size", WORLDS)
def test_a_rule_is_one_to_one_and_shows_all_its_colours(size):
    for (task, _), pairs in graphs(*size).items():
        needed = RULES[task][1](size[2])
        assert len({x for x, _ in pairs}) == len(pairs), task
        assert len({fx for _, fx in pairs}) == len(pairs), task
        assert all(x != fx and len(roles_of(x + fx)) == needed for x, fx in pairs), task


@pytest.mark.parametrize("size", WORLDS)
def test_every_rule_that_explains_an_example_gives_the_same_answers(size):
    assert list(disagreements(graphs(*size), explanations(*size))) == []


@pytest.mark.parametrize("size", WORLDS)
def test_generated_quizzes_are_among_those_looked_at(size):
    """Both pairs of a quiz are drawn by one rule of its task, in the same colours."""
    height, width, count = size
    edges = graphs(*size)
    drawn = tuple(dict.fromkeys(task for task, _ in edges))
    world = GridsWorld(height, width, 2 * count + 2, count, drawn)
    # Where there is one scene alone, as of four rectangles, most tasks have one pair.
    enough = [name for name, material in world.painter.material.items() if material.odds(0).any()]
    world = world.with_tasks(tuple(enough))
    explains = explanations(*size)
    quizzes = world.draw(Stream(0, "uniqueness"), 0, 1500, "train")
    for quiz, task in zip(world.grids(quizzes), quizzes.task, strict=True):
        found = []
        for x, fx in (quiz[:2], quiz[2:]):
            example = x.tobytes() + fx.tobytes()
            shown = roles_of(example)
            place = {colour: k for k, colour in enumerate(shown, 1)}
            named = in_colours(example, [place.get(c, 0) for c in range(1, max(shown) + 1)])
            found.append(
                {
                    (rule, tuple(shown[k - 1] for k in names))
                    for rule, names in explains[named]
                    if rule[0] == world.tasks[task]
                }
            )
        assert found[0] & found[1]


def test_the_brute_force_would_find_a_task_that_cannot_be_undone(monkeypatch):
    """Marks that stand alone in f(X), as in the source's `detect`, have many preimages."""

    def marks_alone(draw, rs, c):
        yield "", draw(*scene(rs, c)), draw(({(r[0], r[1]) for r in rs}, c[-1]))

    monkeypatch.setitem(RULES, "detect", (marks_alone, lambda n: n + 1, lambda n: n))
    pairs = graphs.__wrapped__(6, 6, 2)["detect", ""]
    assert len({fx for _, fx in pairs}) < len(pairs)


def test_the_brute_force_would_find_two_readings_of_one_example(monkeypatch):
    """A rule that acts like `frame` on squares only leaves open what happens to the others."""

    def frame_squares(draw, rs, c):
        for x, fx in (pair[1:] for pair in frame(draw, rs, c)):
            r = rs[-1]
            square = r[2] - r[0] == r[3] - r[1]
            yield "", x, fx if square else draw(*scene(rs, (c[1], c[0])))

    monkeypatch.setitem(RULES, "frame_squares", (frame_squares, lambda n: n, lambda n: n))
    assert any(
        {one[0], other[0]} == {"frame", "frame_squares"}
        for one, other, *_ in disagreements(graphs.__wrapped__(6, 6, 2))
    )


def test_the_brute_force_would_find_an_isometry_that_looks_like_a_step(monkeypatch):
    """Moved by one cell, a rectangle may have been mirrored or have gone on."""

    def every_isometry(draw, rs, c):
        for name, move in isometries(draw.height, draw.width).items():
            images = [({move(i, j) for i, j in cells(r)}, c[k]) for k, r in enumerate(rs)]
            yield name, draw(*scene(rs, c)), draw(*images)

    monkeypatch.setitem(RULES, "isometry", (every_isometry, lambda n: n, lambda n: n))
    found = {(one[0], other[0]) for one, other, *_ in disagreements(graphs.__wrapped__(5, 5, 1))}
    assert {("isometry", "translate"), ("isometry", "isometry")} <= found
