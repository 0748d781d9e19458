"""Brute force on a small world: whatever rule explains the example gives the same answer.

Every rule (task, parameter, colours) is applied here, by slow code that shares nothing with the
generators, to every scene of the world; a quiz is sound if all rules that map A to f(A) agree
on f(B) given B, and on B given f(B).
"""

import itertools
from collections import defaultdict

import numpy as np
import pytest

from world import Stream
from world.worlds.grids import GridsWorld

SIZE, COLOURS = 6, 4


def rectangles():
    spans = [(a, b) for a in range(SIZE) for b in range(a + 3, SIZE + 1)]
    return [(i1, j1, i2, j2) for i1, i2 in spans for j1, j2 in spans]


def cells(r):
    return {(i, j) for i in range(r[0], r[2]) for j in range(r[1], r[3])}


def border(r):
    return {(i, j) for i, j in cells(r) if i in (r[0], r[2] - 1) or j in (r[1], r[3] - 1)}


def neighbours(r):
    beside = {(i + d, j) for i, j in cells(r) for d in (-1, 1)}
    return beside | {(i, j + d) for i, j in cells(r) for d in (-1, 1)}


def draw(*layers):
    """A grid as bytes from (cells, colour) layers, later ones on top."""
    grid = np.zeros((SIZE, SIZE), np.uint8)
    for where, colour in layers:
        for i, j in where:
            grid[i, j] = colour
    return grid.tobytes()


def replace_color(p, q, c):
    yield "", draw((cells(p), c[0]), (cells(q), c[1])), draw((cells(p), c[2]), (cells(q), c[1]))


def translate(p, q, c):
    for di, dj in itertools.product((-1, 0, 1), repeat=2):
        moved = {(i + di, j + dj) for i, j in cells(q)}
        inside = all(0 <= i < SIZE and 0 <= j < SIZE for i, j in moved)
        if (di or dj) and inside and not moved & cells(p):
            x = draw((cells(p), c[0]), (cells(q), c[1]))
            yield (di, dj), x, draw((cells(p), c[0]), (moved, c[1]))


def grow(p, q, c):
    small = draw((cells(p), c[0]), (cells(q) - border(q), c[1]))
    large = draw((cells(p), c[0]), (cells(q), c[1]))
    yield "grows", small, large
    yield "shrinks", large, small


def half_fill(p, q, c):
    for towards in ("down", "up", "right", "left"):
        axis = 0 if towards in ("down", "up") else 1

        def middle(r, axis=axis, towards=towards):
            total = r[axis] + r[axis + 2]
            return total // 2 if towards in ("down", "right") else (total - 1) // 2

        def line(r, axis=axis, middle=middle):
            return {cell for cell in cells(r) if cell[axis] == middle(r)}

        def filled(r, axis=axis, towards=towards, middle=middle):
            if towards in ("down", "right"):
                return {cell for cell in cells(r) if cell[axis] >= middle(r)}
            return {cell for cell in cells(r) if cell[axis] <= middle(r)}

        base = [(cells(p), c[0]), (line(p), c[1]), (cells(q), c[2])]
        yield towards, draw(*base, (line(q), c[3])), draw(*base, (filled(q), c[3]))


def frame(p, q, c):
    x = draw((cells(p), c[0]), (cells(q), c[1]))
    yield "", x, draw((cells(p), c[0]), (border(q), c[1]))


def detect(p, q, c):
    scene = [(cells(p), c[0]), (cells(q), c[1])]
    yield "", draw(*scene), draw(*scene, ({(p[0], p[1])}, c[2]))


def corners(p, q, c):
    def ells(r, falling):
        i1, j1, i2, j2 = r[0], r[1], r[2] - 1, r[3] - 1
        if falling:
            return {(i1, j1), (i1 + 1, j1), (i1, j1 + 1), (i2, j2), (i2 - 1, j2), (i2, j2 - 1)}
        return {(i1, j2), (i1 + 1, j2), (i1, j2 - 1), (i2, j1), (i2 - 1, j1), (i2, j1 + 1)}

    full = draw((cells(p), c[0]), (cells(q), c[1]))
    for falling in (True, False):
        yield falling, draw((ells(p, falling), c[0]), (ells(q, falling), c[1])), full


def contact(p, q, c):
    if cells(p) & neighbours(q):
        scene = [(cells(p), c[0]), (cells(q), c[1])]
        yield "", draw(*scene), draw(*scene, (border(q), c[0]))


RULES = {
    replace_color: 3,
    translate: 2,
    grow: 2,
    half_fill: 4,
    frame: 2,
    detect: 3,
    corners: 2,
    contact: 2,
}


@pytest.fixture(scope="module")
def graphs():
    """rules by (X, f(X)), and for each rule its map forwards and (all preimages) backwards."""
    scenes = [(p, q) for p, q in itertools.permutations(rectangles(), 2) if not cells(p) & cells(q)]
    explains, forward, backward = defaultdict(set), defaultdict(dict), defaultdict(set)
    for task, needed in RULES.items():
        # Rules differ only by the names of colours: draw once, rename for every choice.
        names = list(itertools.permutations(range(1, COLOURS + 1), needed))
        for p, q in scenes:
            for parameter, x, fx in task(p, q, tuple(range(1, needed + 1))):
                for c in names:
                    table = bytes([0, *c, *([0] * (255 - needed))])
                    rule = (task.__name__, parameter, c)
                    named_x, named_fx = x.translate(table), fx.translate(table)
                    explains[named_x, named_fx].add(rule)
                    forward[rule][named_x] = named_fx
                    backward[rule, named_fx].add(named_x)
    return explains, forward, backward


def test_every_rule_that_explains_the_example_gives_the_same_answer(graphs):
    explains, forward, backward = graphs
    world = GridsWorld(height=SIZE, width=SIZE, colours=COLOURS, rectangles=2)
    quizzes = world.draw(Stream(0, "uniqueness"), 0, 10_000, "train")
    for quiz, task in zip(world.grids(quizzes), quizzes.task, strict=True):
        a, fa, b, fb = (grid.tobytes() for grid in quiz)
        for shown, image, x, fx in ((a, fa, b, fb), (b, fb, a, fa)):
            rules = explains[shown, image]
            assert world.tasks[task] in {name for name, _, _ in rules}
            assert {forward[r][x] for r in rules if x in forward[r]} == {fx}
            assert set().union(*(backward[r, fx] for r in rules if (r, fx) in backward)) == {x}


def test_the_brute_force_would_find_an_ambiguous_task():
    """Marks that stand alone in f(X), as in the source's `detect`, have many preimages."""
    preimages = defaultdict(set)
    for p, q in itertools.permutations(rectangles(), 2):
        if not cells(p) & cells(q):
            preimages[draw(({(p[0], p[1])}, 3))].add(draw((cells(p), 1), (cells(q), 2)))
    assert max(map(len, preimages.values())) > 1
