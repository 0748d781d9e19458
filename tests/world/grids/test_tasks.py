"""Every registered task: its verifier accepts what it generates and nothing that was changed."""

import numpy as np
import pytest

from tests.helpers.grid_sizes import with_room
from world import Stream, World
from world.core.errors import UserError
from world.core.registry import Registry
from world.grids.painting.task import tasks
from world.grids.world import HELD_OUT_TASKS, PUBLISHED_TASKS, GridsWorld

UNLEARNED = ("bounce", "fill", "isometry", "path", "scale", "trajectory")
"""Tasks that agents do not learn by default."""
SIZES = {
    "small": {},
    "published": {"height": 10, "width": 10, "colours": 10, "rectangles": 3},
    "oblong": {"height": 7, "width": 9, "colours": 8, "rectangles": 3},
}


def quizzes(name, count, **size):
    world = GridsWorld(tasks=(name,), **(size or with_room(name)))
    return world.grids(world.generate(np.random.default_rng(0), count)), world


@pytest.mark.parametrize("name", tasks.names())
def test_verifier_accepts_thousands_of_generated_quizzes(name):
    grids, _ = quizzes(name, 2000)
    task = tasks[name]()
    assert all(task.verify(*quiz) for quiz in grids)


@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("name", tasks.names())
def test_verifier_accepts_both_orders_of_the_pairs_at_any_size(name, size):
    grids, _ = quizzes(name, 200, **SIZES[size])
    task = tasks[name]()
    assert all(task.verify(a, fa, b, fb) and task.verify(b, fb, a, fa) for a, fa, b, fb in grids)


@pytest.mark.parametrize("part", [2, 3], ids=["B", "fB"])
@pytest.mark.parametrize("name", tasks.names())
def test_verifier_rejects_an_answer_with_one_wrong_cell(name, part):
    grids, world = quizzes(name, 400)
    task, rng = tasks[name](), np.random.default_rng(1)
    for quiz in grids:
        changed = quiz.copy()
        i, j = rng.integers(world.height), rng.integers(world.width)
        changed[part, i, j] = (changed[part, i, j] + rng.integers(1, 7)) % 7
        assert not task.verify(*changed)


@pytest.mark.parametrize("part", [2, 3], ids=["B", "fB"])
@pytest.mark.parametrize("name", tasks.names())
def test_verifier_rejects_the_answer_of_another_quiz(name, part):
    grids, _ = quizzes(name, 400)
    task = tasks[name]()
    for quiz, other in zip(grids, np.roll(grids, 1, axis=0), strict=True):
        changed = quiz.copy()
        changed[part] = other[part]
        if (changed != quiz).any():
            assert not task.verify(*changed)


@pytest.mark.parametrize("name", tasks.names())
def test_a_copy_is_not_an_answer(name):
    grids, _ = quizzes(name, 400)
    task = tasks[name]()
    assert not any(task.verify(a, fa, b, b) for a, fa, b, _ in grids)


@pytest.mark.parametrize("name", tasks.names())
def test_verifier_judges_any_grids(name):
    """Those that an agent wrote as well, with any colours anywhere and nothing at all."""
    rng = np.random.default_rng(0)
    task = tasks[name]()
    for _ in range(400):
        shown = rng.random((4, 5, 6)) < rng.random() ** 3
        task.verify(*np.where(shown, rng.integers(1, 4, shown.shape), 0).astype(np.uint8))


@pytest.mark.parametrize("name", tasks.names())
def test_every_parameter_occurs_where_it_fits(name):
    world = GridsWorld(tasks=(name,), height=10, width=10, colours=10, rectangles=3)
    assert (world.painter.material[name].odds(None) > 0).all()


@pytest.mark.parametrize("split", World.splits)
@pytest.mark.parametrize("name", tasks.names())
def test_the_quizzes_of_a_task_are_equally_likely(name, split):
    """In small grids as well: no quiz stands out, and none shows the same pair twice."""
    world = GridsWorld(tasks=(name,), **with_room(name))
    batch = world.draw(Stream(0, "likely"), 0, 2048, split)
    grids = world.grids(batch)
    assert not (grids[:, 0] == grids[:, 2]).all(axis=(1, 2)).any()
    _, counts = np.unique(world.canonical_hash(batch), return_counts=True)
    expected = len(batch) / len(counts)
    assert counts.max() <= expected + 8 * expected**0.5


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"tasks": ("half_fill",), "colours": 3}, "half_fill"),
        ({"tasks": ("replace_color",), "colours": 2}, "replace_color"),
        ({"tasks": ("contact",), "rectangles": 1}, "contact"),
        ({"tasks": ("path",), "colours": 3}, "'path' needs 4 colours"),
        ({"tasks": ("fill",), "height": 4, "width": 4, "rectangles": 1}, "'fill' is impossible"),
        ({"tasks": ("bounce",), "height": 3, "width": 3, "rectangles": 1}, "'bounce'"),
        ({"tasks": ("scale",), "height": 3, "width": 3, "rectangles": 1}, "'scale'"),
        ({"tasks": ("isometry",), "height": 3, "width": 3, "rectangles": 1}, "'isometry'"),
        ({"height": 5, "width": 5}, "do not fit"),
        ({"tasks": ()}, "empty"),
        ({"tasks": ("frame", "frame")}, "twice"),
        ({"colours": 300}, "colours"),
        ({"tasks": ("symbols",)}, "'symbols' needs at least 7x7 cells .* the grids are 6x6"),
        ({"tasks": ("symbols",), "height": 7}, "the grids are 7x6"),
        ({"tasks": ("symbols",), "height": 12, "width": 12}, "needs at most 81 places for a block"),
        ({"tasks": ("symbols",), "height": 9, "width": 9, "colours": 4}, "needs 5 colours"),
        ({"tasks": ("islands",)}, "unknown task 'islands'"),
        ({"held_out_tasks": ("islands",)}, "unknown task 'islands'; known: bounce"),
    ],
)
def test_impossible_options_are_refused_by_name(options, named):
    with pytest.raises(ValueError, match=named) as caught:
        GridsWorld(**options)
    assert isinstance(caught.value, UserError)


def test_held_out_tasks_are_named_and_met_in_no_training():
    world = GridsWorld()
    assert world.tasks == PUBLISHED_TASKS
    assert set(HELD_OUT_TASKS) <= set(tasks)
    assert world.held_out_world().tasks == UNLEARNED
    few = GridsWorld(tasks=("frame",), held_out_tasks=("path", "frame", "fill"))
    assert few.held_out_world().tasks == ("path", "fill")
    assert GridsWorld(held_out_tasks=()).held_out_world() is None
    with pytest.raises(UserError, match="unknown task 'none'"):
        GridsWorld(held_out_tasks=("none",))


def test_a_task_that_is_added_changes_no_exam(monkeypatch):
    before = GridsWorld().held_out_world()
    monkeypatch.setitem(tasks._entries, "another", tasks["frame"])
    assert GridsWorld().held_out_world() == before


def test_held_out_tasks_can_be_mixed_with_others():
    world = GridsWorld(tasks=("frame", *UNLEARNED, "grow"))
    batch = world.draw(Stream(0, "mixed"), 0, 1000, "test")
    shares = np.bincount(batch.task, minlength=len(world.tasks)) / len(batch)
    assert np.abs(shares - 1 / len(world.tasks)).max() < 0.05
    for quiz, task in zip(world.grids(batch), batch.task, strict=True):
        assert tasks[world.tasks[task]]().verify(*quiz)


def test_symbols_shows_four_blocks_whatever_the_rectangles():
    """In the smallest grids there is one place for each block, and a mark may point at any."""
    small = GridsWorld(height=7, width=7, tasks=("symbols",), rectangles=1)
    assert small.units()["symbols"].sum() == 4 * 3
    world = GridsWorld(height=8, width=8, tasks=("symbols",))
    batch = world.draw(Stream(0, "symbols"), 0, 200, "train")
    for a, fa, b, fb in world.grids(batch):
        assert (a != fa).sum() == (b != fb).sum() == 1
        assert {int((a == c).sum()) for c in np.unique(a)} == {64 - 36, 9, 6, 3}
    labels = world.labels(batch)["rectangle"]
    assert labels.max() < len(world.wording.values["rectangle"])
    assert world.other_scenes() is None


def test_a_mark_that_points_at_two_blocks_explains_nothing():
    """Two of three blocks lie above and to the left of the one that is marked."""
    a, ambiguous = np.zeros((2, 11, 11), dtype=np.uint8)
    places = {1: (8, 8), 2: (0, 0), 4: (8, 4)}
    for grid, moved in ((a, (0, 8)), (ambiguous, (4, 0))):
        for colour, (i, j) in (places | {3: moved}).items():
            grid[i : i + 3, j : j + 3] = colour
        grid[8, 8:10] = grid[9, 8] = 5
    fa, fb = a.copy(), ambiguous.copy()
    fa[9, 9] = fb[9, 9] = 2
    task = tasks["symbols"]()
    assert task.verify(a, fa, a, fa)
    assert not task.verify(a, fa, ambiguous, fb)


def test_a_name_registered_twice_raises():
    registry = Registry("thing", "world.grids.tasks")
    registry.register("a")(int)
    with pytest.raises(ValueError, match="registered twice"):
        registry.register("a")(str)
