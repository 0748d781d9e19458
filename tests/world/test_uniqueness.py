"""Brute force on small worlds: whatever rule explains the example gives the same answer.

Every rule (task, parameter, colours) is applied here, by slow code that shares nothing with the
generators, to every scene of a world. Two rules that explain one example must then agree on every
grid that both can be asked about, forwards and backwards: so each quiz has one right answer.
"""

import itertools
from collections import defaultdict
from functools import cache

import numpy as np
import pytest

from world import Stream
from world.worlds.grids import PUBLISHED_TASKS, GridsWorld


def cells(r):
    return {(i, j) for i in range(r[0], r[2]) for j in range(r[1], r[3])}


def border(r):
    return {(i, j) for i, j in cells(r) if i in (r[0], r[2] - 1) or j in (r[1], r[3] - 1)}


def neighbours(r):
    beside = {(i + d, j) for i, j in cells(r) for d in (-1, 1)}
    return beside | {(i, j + d) for i, j in cells(r) for d in (-1, 1)}


def scenes(height, width, count):
    """Every ordered choice of rectangles that do not overlap."""
    spans = [
        [(a, b) for a in range(size) for b in range(a + 3, size + 1)] for size in (height, width)
    ]
    single = [(i1, j1, i2, j2) for i1, i2 in spans[0] for j1, j2 in spans[1]]
    covered = {r: cells(r) for r in single}
    found = [()]
    for _ in range(count):
        found = [
            (*rs, r) for rs in found for r in single if not any(covered[r] & covered[o] for o in rs)
        ]
    return found


class Board:
    """Draws grids of one size as bytes, from (cells, colour) layers, later ones on top."""

    def __init__(self, height, width):
        self.height, self.width = height, width

    def __call__(self, *layers):
        grid = np.zeros((self.height, self.width), np.uint8)
        for where, colour in layers:
            for i, j in where:
                grid[i, j] = colour
        return grid.tobytes()

    def holds(self, where):
        return all(0 <= i < self.height and 0 <= j < self.width for i, j in where)


def scene(rs, c):
    return [(cells(r), c[k]) for k, r in enumerate(rs)]


def replace_color(draw, rs, c):
    yield "", draw(*scene(rs, c)), draw(*scene(rs, (c[-1], *c[1:])))


def translate(draw, rs, c):
    *others, last = rs
    for di, dj in itertools.product((-1, 0, 1), repeat=2):
        moved = {(i + di, j + dj) for i, j in cells(last)}
        clear = not any(moved & cells(r) for r in others)
        if (di or dj) and draw.holds(moved) and clear:
            yield (di, dj), draw(*scene(rs, c)), draw(*scene(others, c), (moved, c[len(others)]))


def grow(draw, rs, c):
    *others, last = rs
    small = draw(*scene(others, c), (cells(last) - border(last), c[len(others)]))
    large = draw(*scene(rs, c))
    yield "grows", small, large
    yield "shrinks", large, small


def half_fill(draw, rs, c):
    for towards in ("down", "up", "right", "left"):
        axis = 0 if towards in ("down", "up") else 1
        ahead = towards in ("down", "right")

        def middle(r, axis=axis, ahead=ahead):
            total = r[axis] + r[axis + 2]
            return total // 2 if ahead else (total - 1) // 2

        def line(r, axis=axis, middle=middle):
            return {cell for cell in cells(r) if cell[axis] == middle(r)}

        def filled(r, axis=axis, ahead=ahead, middle=middle):
            beyond = {cell for cell in cells(r) if (cell[axis] > middle(r)) == ahead}
            return beyond | {cell for cell in cells(r) if cell[axis] == middle(r)}

        bodies = [(cells(r), c[2 * k]) for k, r in enumerate(rs)]
        lines = [(line(r), c[2 * k + 1]) for k, r in enumerate(rs)]
        half = (filled(rs[-1]), c[2 * len(rs) - 1])
        yield towards, draw(*bodies, *lines), draw(*bodies, *lines, half)


def frame(draw, rs, c):
    *others, last = rs
    yield "", draw(*scene(rs, c)), draw(*scene(others, c), (border(last), c[len(others)]))


def detect(draw, rs, c):
    if len(rs) > 1:
        marks = {(r[0], r[1]) for r in rs[:-1]}
        yield "", draw(*scene(rs, c)), draw(*scene(rs, c), (marks, c[-1]))


def corners(draw, rs, c):
    def ells(r, falling):
        i1, j1, i2, j2 = r[0], r[1], r[2] - 1, r[3] - 1
        if falling:
            return {(i1, j1), (i1 + 1, j1), (i1, j1 + 1), (i2, j2), (i2 - 1, j2), (i2, j2 - 1)}
        return {(i1, j2), (i1 + 1, j2), (i1, j2 - 1), (i2, j1), (i2 - 1, j1), (i2, j1 + 1)}

    for falling in (True, False):
        parts = [(ells(r, falling), c[k]) for k, r in enumerate(rs)]
        yield falling, draw(*parts), draw(*scene(rs, c))


def contact(draw, rs, c):
    first, *others = rs
    touching = [r for r in others if cells(first) & neighbours(r)]
    if touching:
        rings = [(border(r), c[0]) for r in touching]
        yield "", draw(*scene(rs, c)), draw(*scene(rs, c), *rings)


RULES = {
    "replace_color": (replace_color, lambda n: n + 1),
    "translate": (translate, lambda n: n),
    "grow": (grow, lambda n: n),
    "half_fill": (half_fill, lambda n: 2 * n),
    "frame": (frame, lambda n: n),
    "detect": (detect, lambda n: n + 1),
    "corners": (corners, lambda n: n),
    "contact": (contact, lambda n: n),
}


@cache
def graphs(height, width, count):
    """By (task, parameter): the set of (X, f(X)) over every scene, in colours 1, 2, 3 ..."""
    draw, found = Board(height, width), defaultdict(set)
    for name, (task, needed) in RULES.items():
        for rs in scenes(height, width, count):
            for parameter, x, fx in task(draw, rs, tuple(range(1, needed(count) + 1))):
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


def rivals(edges):
    """Pairs of different rules that explain one example.

    Each is (rule, other rule, colours): in its own colours 1, 2, 3 ... the first rule shares an
    example with the second in ``colours``.
    """
    found = set()
    for rules in by_example(edges).values():
        for (one, mine), (other, theirs) in itertools.permutations(rules, 2):
            role = {colour: k for k, colour in enumerate(mine, 1)}
            found.add((one, other, tuple(role[colour] for colour in theirs)))
    return found


def disagreements(edges):
    """Rivals that answer a question differently, with the grid asked about."""
    for one, other, names in rivals(edges):
        theirs = [(in_colours(x, names), in_colours(fx, names)) for x, fx in edges[other]]
        for asked, answer in ((0, 1), (1, 0)):
            known = {pair[asked]: pair[answer] for pair in edges[one]}
            for pair in theirs:
                if known.get(pair[asked], pair[answer]) != pair[answer]:
                    yield one, other, names, pair[asked]
                    break


WORLDS = [(6, 6, 1), (6, 6, 2), (6, 6, 3), (6, 6, 4), (5, 8, 2), (7, 7, 2), (7, 6, 3)]
"""Height, width, rectangles: several shapes, and more rectangles than two."""


@pytest.mark.parametrize("size", WORLDS)
def test_a_rule_is_one_to_one_and_shows_all_its_colours(size):
    for (task, _), pairs in graphs(*size).items():
        needed = RULES[task][1](size[2])
        assert len({x for x, _ in pairs}) == len(pairs), task
        assert len({fx for _, fx in pairs}) == len(pairs), task
        assert all(x != fx and len(roles_of(x + fx)) == needed for x, fx in pairs), task


@pytest.mark.parametrize("size", WORLDS)
def test_every_rule_that_explains_an_example_gives_the_same_answers(size):
    assert list(disagreements(graphs(*size))) == []


@pytest.mark.parametrize("size", WORLDS)
def test_generated_quizzes_are_among_those_looked_at(size):
    """Both pairs of a quiz are drawn by one rule of its task, in the same colours."""
    height, width, count = size
    edges = graphs(*size)
    drawn = {task for task, _ in edges}
    world = GridsWorld(
        height, width, 2 * count + 1, count, tuple(t for t in PUBLISHED_TASKS if t in drawn)
    )
    explains = by_example(edges)
    quizzes = world.draw(Stream(0, "uniqueness"), 0, 4000, "train")
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

    monkeypatch.setitem(RULES, "detect", (marks_alone, lambda n: n + 1))
    pairs = graphs.__wrapped__(6, 6, 2)["detect", ""]
    assert len({fx for _, fx in pairs}) < len(pairs)


def test_the_brute_force_would_find_two_readings_of_one_example(monkeypatch):
    """A rule that acts like `frame` on squares only leaves open what happens to the others."""

    def frame_squares(draw, rs, c):
        for x, fx in (pair[1:] for pair in frame(draw, rs, c)):
            r = rs[-1]
            square = r[2] - r[0] == r[3] - r[1]
            yield "", x, fx if square else draw(*scene(rs, (c[1], c[0])))

    monkeypatch.setitem(RULES, "frame_squares", (frame_squares, lambda n: n))
    assert any(
        {one[0], other[0]} == {"frame", "frame_squares"}
        for one, other, *_ in disagreements(graphs.__wrapped__(6, 6, 2))
    )
