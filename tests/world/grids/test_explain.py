"""How quizzes are explained by the tasks, and what is counted of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from tests.helpers.grid_sizes import with_room
from world import UNKNOWN_TASK, QuizBatch, Stream
from world.core.rules import ExplainedBy
from world.grids.explain import MOST_READINGS
from world.grids.painting.task import tasks
from world.grids.world import GridsWorld

WORLD = GridsWorld()
FEW = 6


@pytest.fixture(scope="module")
def drawn():
    return WORLD.draw(Stream(0, "explained"), 0, 120, "test")


def quizzes(grids, world=WORLD):
    """A batch in layout 0 of grids [B, 4, H, W]."""
    count = len(grids)
    tokens = world.codec.tokens(np.asarray(grids, dtype=np.uint8).reshape(count, 4, -1))
    return QuizBatch(tokens, np.zeros(count, np.uint8), np.full(count, UNKNOWN_TASK, np.int16))


def test_a_world_quiz_is_explained_by_its_task(drawn):
    found = WORLD.explain(drawn)
    assert {each.kind for each in found} == {ExplainedBy.TASK}
    assert [each.tasks for each in found] == [(WORLD.tasks[k],) for k in drawn.task]


def test_a_quiz_with_the_pairs_turned_round_is_explained_backwards(drawn):
    grids = WORLD.grids(drawn)[drawn.task == WORLD.tasks.index("frame")]
    found = WORLD.explain(quizzes(grids[:, [1, 0, 3, 2]]))
    assert {each.kind for each in found} == {ExplainedBy.BACKWARDS}
    assert {each.tasks for each in found} == {("frame",)}


def test_pairs_of_two_quizzes_are_a_rule_for_each(drawn):
    grids = WORLD.grids(drawn)
    mixed = np.concatenate([grids[:, :2], np.roll(grids, 1, axis=0)[:, 2:]], axis=1)
    kinds = [each.kind for each in WORLD.explain(quizzes(mixed[:60]))]
    assert kinds.count(ExplainedBy.MISMATCH) >= 55  # two may follow one rule by chance
    assert set(kinds) <= {ExplainedBy.MISMATCH, ExplainedBy.TASK}


def test_a_broken_answer_leaves_a_rule_for_one_pair(drawn):
    grids = WORLD.grids(drawn)[:60].copy()
    grids[:, 3] = (grids[:, 3] + 1) % 7
    kinds = [each.kind for each in WORLD.explain(quizzes(grids))]
    assert kinds.count(ExplainedBy.HALF) == 60
    grids[:, 1] = (grids[:, 1] + 1) % 7
    assert {each.kind for each in WORLD.explain(quizzes(grids))} == {ExplainedBy.NONE}


def test_one_rule_after_another_is_found():
    """A rectangle changes its colour, then it becomes a frame: neither task does both."""

    def solid(top, left, colour, frame=False):
        grid = np.zeros((6, 6), dtype=np.uint8)
        grid[top : top + 4, left : left + 4] = colour
        if frame:
            grid[top + 1 : top + 3, left + 1 : left + 3] = 0
        return grid

    pairs = [
        (solid(0, 0, 1), solid(0, 0, 2, frame=True)),
        (solid(2, 1, 1), solid(2, 1, 2, frame=True)),
    ]
    (found,) = WORLD.explain(quizzes([[*pairs[0], *pairs[1]]]))
    assert found.kind is ExplainedBy.SEQUENCE
    assert set(found.tasks) == {"replace_color", "frame"}
    other = solid(2, 1, 3, frame=True)
    (found,) = WORLD.explain(quizzes([[*pairs[0], pairs[1][0], other]]))
    assert found.kind is not ExplainedBy.SEQUENCE


@pytest.mark.parametrize("first", WORLD.tasks)
def test_a_task_followed_by_another_colour_is_found(first):
    """Quizzes of every task with one more step: of the answers one colour becomes another."""
    index = WORLD.tasks.index(first)
    grids = WORLD.grids(WORLD.draw(Stream(1, "sequence"), 0, 200, "train", np.eye(8)[index]))
    grids = np.stack([quiz for quiz in grids[:30] if len(np.unique(quiz)) <= 6])
    found = []
    for quiz in grids:
        in_answers = np.intersect1d(quiz[1], quiz[3])[1:]
        (unused, *_) = (c for c in range(1, 7) if c not in quiz)
        quiz[1::2][quiz[1::2] == in_answers[-1]] = unused
        (each,) = WORLD.explain(quizzes([quiz]))
        found.append(
            each.kind is ExplainedBy.SEQUENCE
            or each.kind in (ExplainedBy.TASK, ExplainedBy.BACKWARDS)
        )
    assert np.mean(found) > 0.9


@pytest.fixture(scope="module", params=tasks.names())
def corrupted(request):
    """A world of one task, with quizzes that follow it less and less, and not at all."""
    world = GridsWorld(tasks=(request.param,), held_out_tasks=(), **with_room(request.param))
    side, rng = world.height, np.random.default_rng(0)
    drawn = world.grids(world.draw(Stream(2, "corrupted"), 0, FEW, "train"))
    noisy = []
    for rate in (0.01, 0.03, 0.1, 0.5):
        hit = rng.random(drawn.shape) < rate
        noisy.append(np.where(hit, rng.integers(7, size=drawn.shape), drawn))
    few = rng.random((FEW, 4, side, side)) < 0.08
    cells = few * rng.integers(1, 5, size=few.shape)
    swapped = rng.permuted(drawn, axis=1)
    grids = np.concatenate([*noisy, cells, swapped, _boxes_only(rng, 2 * FEW, side)])
    return world, quizzes(grids, world)


def _boxes_only(rng, count, side):
    """Square grids uint8 [count, 4, side, side] of boxes of any size: what a grid is read as, and
    no rule."""
    grids = np.zeros((count, 4, side, side), dtype=np.uint8)
    for grid in grids.reshape(-1, side, side):
        for colour in 1 + rng.permutation(6)[: rng.integers(1, 5)]:
            (top, left), (bottom, right) = np.sort(rng.integers(side + 1, size=(2, 2)), axis=0)
            grid[top:bottom, left:right] = colour
    return grids


def test_no_quiz_is_too_odd_to_be_explained(corrupted):
    world, batch = corrupted
    found = world.explain(batch)
    assert len(found) == len(world.rule_answers(batch)) == len(batch)
    assert {task for each in found for task in each.tasks} <= {*world.tasks}
    assert ExplainedBy.NONE in {each.kind for each in found}


def test_single_cells_are_read_where_a_rule_draws_them():
    world = GridsWorld(tasks=("trajectory",), held_out_tasks=())
    batch = world.draw(Stream(3, "marks"), 0, 30, "train")
    for answers, tokens in zip(world.rule_answers(batch), batch.tokens, strict=True):
        assert answers.tolist() == [tokens.tolist()]


def test_a_world_quiz_implies_its_answer_and_no_other(drawn):
    for each, tokens in zip(WORLD.rule_answers(drawn), drawn.tokens, strict=True):
        assert len(each) == 1
        assert (each == tokens).all()


def test_counts_of_what_a_quiz_shows(drawn):
    rng = np.random.default_rng(0)
    noise = quizzes(rng.integers(4, size=(50, 4, 6, 6)))
    for batch in (drawn, noise):
        counts, grids = WORLD.describe(batch), WORLD.grids(batch)
        patches = [
            sum(ndimage.label(grid == c)[1] for grid in quiz for c in range(1, 7)) for quiz in grids
        ]
        assert counts["objects"].tolist() == patches
        assert counts["colours"].tolist() == [len(set(np.unique(q)) - {0}) for q in grids]
        changed = (grids[:, 0] != grids[:, 1]).sum(axis=(1, 2))
        changed += (grids[:, 2] != grids[:, 3]).sum(axis=(1, 2))
        assert counts["changed_cells"].tolist() == changed.tolist()


def test_readings_are_one_quiz_in_every_order_that_leaves_it_the_same(drawn):
    readings = WORLD.symmetries(drawn).readings
    assert readings.shape == (120, 2, 4 * 36)
    for k in range(2):
        grids = readings[:, k].reshape(-1, 4, 6, 6)
        same = WORLD.canonical_hash(quizzes(grids))
        assert np.array_equal(same, WORLD.canonical_hash(drawn))
    assert np.array_equal(readings[:, 0].reshape(-1, 4, 6, 6), WORLD.grids(drawn))
    backward = WORLD.arrange(drawn, 1)
    assert np.array_equal(WORLD.symmetries(backward).readings, readings)


# Three rectangles


THREE = GridsWorld(height=7, width=7, rectangles=3, colours=7)


def of_three(task, count):
    share = [float(name == task) for name in THREE.tasks]
    return THREE.draw(Stream(1, f"three/{task}"), 0, count, "train", share)


@pytest.mark.parametrize("task", THREE.tasks)
def test_rules_answer_quizzes_of_three_rectangles(task):
    """Six colours in `half_fill`, which has two for each rectangle."""
    batch = of_three(task, 8)
    answers = THREE.rule_answers(batch)
    found = [
        bool((each == quiz).all(1).any()) for each, quiz in zip(answers, batch.tokens, strict=True)
    ]
    assert np.mean(found) >= 0.75


def test_one_rule_after_half_fill_is_found_with_six_colours():
    """What is filled takes the colour that no grid has."""
    grids = THREE.grids(of_three("half_fill", 6)).copy()
    changed = []
    for a, fa, b, fb in grids:
        (free,) = set(range(1, 8)) - set(np.unique(fa).tolist())
        (filled,) = {int(c) for c in np.unique(fa) if (fa == c).sum() > (a == c).sum()}
        changed.append([a, np.where(fa == filled, free, fa), b, np.where(fb == filled, free, fb)])
    tokens = THREE.codec.tokens(np.array(changed, dtype=np.uint8).reshape(len(grids), 4, -1))
    batch = QuizBatch(tokens, np.zeros(6, np.uint8), np.full(6, UNKNOWN_TASK, np.int16))
    found = THREE.explain(batch)
    assert {each.kind for each in found} == {ExplainedBy.SEQUENCE}
    assert {frozenset(each.tasks) for each in found} == {frozenset({"half_fill", "replace_color"})}


def test_a_grid_with_too_many_readings_is_not_read():
    """A colour more may be any of a thousand; the readings of a few are all tried."""
    for colours in (6, 60, 250):
        explainer = GridsWorld(height=7, width=7, colours=colours)._explainer
        grid = np.zeros((7, 7), dtype=np.uint8)
        grid[0:3, 0:3], grid[4:7, 4:7] = 1, 2
        counts = [len([*explainer._single(name, grid, [1, 2])]) for name in explainer.tasks]
        assert max(counts) <= MOST_READINGS
        assert counts[0] > 0  # replace_color brings in one


def test_symbols_are_read_and_answered():
    world = GridsWorld(tasks=("symbols",), held_out_tasks=(), **with_room("symbols"))
    batch = world.draw(Stream(4, "symbols"), 0, 20, "train")
    assert {(each.kind, each.tasks) for each in world.explain(batch)} == {
        (ExplainedBy.TASK, ("symbols",))
    }
    for answers, tokens in zip(world.rule_answers(batch), batch.tokens, strict=True):
        assert answers.tolist() == [tokens.tolist()]
