"""The source's tasks: quizzes drawn as the source draws them are right, ours are such quizzes."""

import itertools
import random
from collections import Counter, defaultdict
from functools import cache

import numpy as np
import pytest

from tests.helpers.slow_source import DRAWERS, SIDE
from world import Stream
from world.grids.painting.task import tasks
from world.grids.world import PUBLISHED_TASKS, SOURCE_TASKS, GridsWorld

SOURCE = GridsWorld(height=10, width=10, colours=10, rectangles=3, tasks=SOURCE_TASKS)
CHANGED = ("translate_over", "grow_large", "detect_ell")


@cache
def drawn(task, count=80):
    """uint8 [count, 4, 10, 10], by the source's procedure."""
    rng = random.Random(task)
    return np.array([DRAWERS[task](rng) for _ in range(count)], dtype=np.uint8)


@cache
def ours(task, count):
    share = [float(name == task) for name in SOURCE_TASKS]
    return SOURCE.grids(SOURCE.draw(Stream(0, f"ours/{task}"), 0, count, "train", share))


def boxes(grid):
    """By colour, top, left, bottom and right (exclusive) of its cells."""
    found = {}
    for colour in set(grid.ravel().tolist()) - {0}:
        rows, columns = np.nonzero(grid == colour)
        found[colour] = (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
    return found


@pytest.mark.parametrize("task", SOURCE_TASKS)
def test_a_perfect_agent_of_the_source_is_right_everywhere(task):
    """Whichever grid is asked for: its answer is the one drawn, or another that could have been."""
    rule = tasks[task]()
    for a, fa, b, fb in drawn(task):
        assert rule.verify(a, fa, b, fb)
        assert rule.verify(b, fb, a, fa)


@pytest.mark.parametrize("task", CHANGED)
def test_our_own_form_of_a_task_is_another(task):
    name = next(name for name in PUBLISHED_TASKS if task.startswith(name))
    agreed = [tasks[name]().verify(*quiz) for quiz in drawn(task)]
    share = {"translate_over": (0.2, 0.5), "grow_large": (1.0, 1.0), "detect_ell": (0.0, 0.0)}
    low, high = share[task]
    assert low <= np.mean(agreed) <= high


@pytest.mark.parametrize("task", CHANGED)
def test_rectangles_are_those_of_the_source(task):
    """Three, with sides of at least three cells, none above half of the grid; and all of these."""
    quizzes = ours(task, 600)
    whole = quizzes[:, (0, 2)].reshape(-1, SIDE, SIDE)
    if task == "grow_large":  # the larger of the two grids shows them
        pairs = quizzes[:, :2]
        whole = [pair[int((pair[1] > 0).sum() > (pair[0] > 0).sum())] for pair in pairs]
    areas = []
    for grid in whole:
        found = boxes(grid)
        assert len(found) == 3
        for colour, (top, left, bottom, right) in found.items():
            assert (grid[top:bottom, left:right] == colour).all()
            assert min(bottom - top, right - left) >= 3
            areas.append((bottom - top) * (right - left))
    assert max(areas) <= SIDE * SIDE // 2
    assert min(areas) == 9


def test_marks_are_three_cells_on_two_of_three_rectangles():
    for a, fa, b, fb in ours("detect_ell", 600):
        for x, fx in ((a, fa), (b, fb)):
            (mark,) = set(fx[x != fx].tolist())
            assert mark not in x
            corners = {
                (int(i), int(j))
                for colour, (i, j, _, _) in boxes(x).items()
                if (fx[x == colour] == mark).any()
            }
            cells = {(i + p, j + q) for i, j in corners for p, q in ((0, 0), (0, 1), (1, 0))}
            assert len(corners) == 2
            assert {tuple(map(int, at)) for at in np.argwhere(fx == mark)} == cells


def test_what_grows_has_four_cells_a_side():
    directions = Counter()
    for a, fa, *_ in ours("grow_large", 600):
        (colour,) = set((a[a != fa] + fa[a != fa]).tolist())
        large = a if (a == colour).sum() > (fa == colour).sum() else fa
        directions[large is a] += 1
        top, left, bottom, right = boxes(large)[colour]
        assert min(bottom - top, right - left) >= 4
    assert min(directions.values()) > 240


def step_of(x, fx):
    """The one step and colour that lead from a grid to another, sought among all."""
    found = []
    for colour, (i, j, p, q) in boxes(x).items():
        for di, dj in itertools.product((-1, 0, 1), repeat=2):
            to = (i + di, j + dj, p + di, q + dj)
            if (di or dj) and min(to) >= 0 and max(to) <= SIDE:
                moved = np.where(x == colour, 0, x)
                moved[to[0] : to[2], to[1] : to[3]] = colour
                found += [(colour, di, dj, to)] * bool((moved == fx).all())
    (only,) = found
    return only


def test_steps_are_equally_likely_and_stop_short_of_the_last_row_and_column():
    steps, hidden = Counter(), 0
    for a, fa, b, fb in ours("translate_over", 1600):
        one, other = step_of(a, fa), step_of(b, fb)
        assert one[:3] == other[:3]
        assert max(one[3][2:] + other[3][2:]) < SIDE
        steps[one[1:3]] += 1
        hidden += (fb > 0).sum() < (b > 0).sum()
    assert len(steps) == 8
    assert max(abs(n - 200) for n in steps.values()) < 70
    assert 0.3 < hidden / 1600 < 0.6


def test_a_ninth_of_moves_cannot_be_undone_for_sure():
    """The share among the source's own quizzes, 0.113 of 5,000, and among ours."""
    rule = tasks["translate_over"]()
    for quizzes in (drawn("translate_over", 200), ours("translate_over", 1600)[:200]):
        found = [len(rule.undone(a, fa, fb)) for a, fa, b, fb in quizzes]
        assert min(found) == 1
        assert 0.06 < np.mean(np.array(found) > 1) < 0.17


def small_scenes(height, width):
    """Every two rectangles on small grids, as boxes; neither above half of the grid."""
    spans = [
        [(a, b) for a in range(size) for b in range(a + 3, size + 1)] for size in (height, width)
    ]
    single = [
        (i, j, p, q)
        for (i, p), (j, q) in itertools.product(*spans)
        if 2 * (p - i) * (q - j) <= height * width
    ]
    for one, other in itertools.product(single, repeat=2):
        if one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]:
            yield one, other


def test_undone_gives_every_grid_that_could_have_been():
    height, width = 6, 7
    before = defaultdict(set)
    for one, mover in small_scenes(height, width):
        for di, dj in itertools.product((-1, 0, 1), repeat=2):
            to = (mover[0] + di, mover[1] + dj, mover[2] + di, mover[3] + dj)
            if (di or dj) and min(to) >= 0 and to[2] < height and to[3] < width:
                x = np.zeros((height, width), dtype=np.uint8)
                x[one[0] : one[2], one[1] : one[3]] = 1
                fx = x.copy()
                x[mover[0] : mover[2], mover[1] : mover[3]] = 2
                fx[to[0] : to[2], to[1] : to[3]] = 2
                before[di, dj, fx.tobytes()].add(x.tobytes())
    rule, several = tasks["translate_over"](), 0
    for (di, dj, image), expected in list(before.items())[::2]:
        a = np.zeros((12, 12), dtype=np.uint8)
        a[4:8, 4:8], a[0:3, 0:3] = 2, 1
        fa = np.where(a == 2, 0, a)
        fa[4 + di : 8 + di, 4 + dj : 8 + dj] = 2
        fx = np.frombuffer(image, dtype=np.uint8).reshape(height, width)
        assert {grid.tobytes() for grid in rule.undone(a, fa, fx)} == expected
        several += len(expected) > 1
    assert several > 10


def test_other_answers_are_of_the_rows_asked_backwards():
    batch = SOURCE.draw(Stream(0, "others"), 0, 1200, "test")
    for layout in range(4):
        asked = SOURCE.arrange(batch, layout)
        others, rows = SOURCE.other_answers(asked)
        if SOURCE.layouts[layout].parts[-1] in (1, 3):
            assert not len(others)
            continue
        assert 5 < len(set(rows.tolist())) < 40
        assert set(others.task.tolist()) == {SOURCE_TASKS.index("translate_over")}
        answer = SOURCE.answer_mask(others)
        assert (others.tokens == asked.tokens[rows])[~answer].all()
        assert (others.tokens != asked.tokens[rows]).any(axis=1).all()
        assert SOURCE.follows(others, "translate_over").all()
    written = SOURCE.arrange(batch, SOURCE.writing_layout)
    assert not len(SOURCE.other_answers(written)[0])


def test_worlds_whose_rules_can_be_undone_have_one_answer():
    world = GridsWorld()
    others, rows = world.other_answers(world.draw(Stream(0, "one"), 0, 300, "test"))
    assert (len(others), len(rows)) == (0, 0)
    with pytest.raises(NotImplementedError, match="Frame is reversible"):
        tasks["frame"]().undone(*np.zeros((3, 6, 6), dtype=np.uint8))
