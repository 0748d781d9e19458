"""The birds world: what it draws, against the simulator, and what it says of quizzes."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from tests.helpers.slow_birds import SlowBird, every_bird, fly, painted, seen
from world import ExplainedBy, QuizBatch, Stream, UserError, concatenate
from world.birds import BirdsWorld, Verdict
from world.birds.codec import ANSWER, CONTEXT, FIRST, LABEL, LAST, WRITTEN
from world.birds.hashing import flock_hash, quiz_hash, state_keys
from world.core.world import split_by_hash

WORLD = BirdsWorld()
BOTH = BirdsWorld(tasks=("apart", "overlapping"))
STREAM = Stream(0, "birds")
COUNT = 800


def frames_of(world, batch):
    """Frames as lists of rows."""
    grids = world.frames(batch).reshape(len(batch), 2, world.height, world.width)
    return grids.tolist()


def batch_of(world, frames):
    """Quizzes of unknown task in layout 0 of frames as lists of rows."""
    count = len(frames)
    cells = np.array(frames).reshape(count, 2, world.height * world.width)
    tokens = world.codec.tokens(cells)
    return QuizBatch(tokens, np.zeros(count, np.uint8), np.full(count, -1, np.int16))


@pytest.fixture(scope="module")
def drawn():
    return WORLD.draw(STREAM, 0, COUNT, "train")


@pytest.fixture(scope="module")
def mixed():
    return BOTH.draw(STREAM, 0, COUNT, "test")


@pytest.mark.parametrize(
    "world",
    [
        WORLD,
        BOTH,
        BirdsWorld(speed=3),
        BirdsWorld(height=7, width=9, birds=4, speed=5),
        BirdsWorld(birds=1),
        BirdsWorld(tasks=("overlapping",), held_out_tasks=(), birds=2, colours=2),
    ],
    ids=repr,
)
def test_what_is_drawn_flies_as_the_simulator_has_it(world):
    batch = world.draw(STREAM, 0, COUNT, "train")
    for quiz, (first, last) in enumerate(frames_of(world, batch)):
        birds = seen(first)
        assert len(birds) == world.birds
        assert all(len(states) == 1 for states in birds.values())
        flown = {
            c: fly(states[0], world.speed, world.height, world.width)[0]
            for c, states in birds.items()
        }
        assert painted(flown, world.height, world.width) == last
        assert seen(last) == {c: [bird] for c, bird in flown.items()}
        cells = [sum(value > 0 for row in frame for value in row) for frame in (first, last)]
        apart = cells == [3 * world.birds] * 2
        assert world.tasks[batch.task[quiz]] == ("apart" if apart else "overlapping")


def test_every_flock_is_as_likely():
    """Of two birds: pairs of states that are drawn, against all that are apart."""
    world = BirdsWorld(birds=2)
    keys = state_keys(world.sky, world.speed)
    every = np.array(list(combinations(range(len(world.sky.states)), 2)))
    birds = [SlowBird(*state) for state in world.sky.states.tolist()]
    flown = [fly(bird, 2, 6, 8)[0] for bird in birds]
    apart = [
        not set(birds[a].cells()) & set(birds[b].cells())
        and not set(flown[a].cells()) & set(flown[b].cells())
        for a, b in every.tolist()
    ]
    every = every[np.array(apart)]
    train = every[split_by_hash(flock_hash(keys, every)) == 0]
    bounce = (world.sky.walls(2)[train] > 0).sum(axis=1)
    counts = world.describe(world.draw(STREAM, 0, 6000, "train"))["bounces"]
    error = bounce.std() / np.sqrt(len(counts))
    assert abs(counts.mean() - bounce.mean()) < 3 * error
    assert sum(world.units()["apart"]) == len(np.unique(flock_hash(keys, every)))
    assert abs(world.flocks.share_apart - len(every) * 2 / 140**2) < 0.01


def test_colours_are_drawn_alike_and_number_the_birds(drawn):
    shown = np.stack([(WORLD.frames(drawn) == c).any(axis=(1, 2)) for c in range(1, 11)])
    assert shown.sum() == 3 * COUNT
    assert shown.mean(axis=1) == pytest.approx(np.full(10, 0.3), abs=0.05)


def test_there_are_as_many_different_quizzes_as_are_counted():
    counts = WORLD.units()["apart"]
    shares = counts / counts.sum()
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.01)
    assert 40_000 < counts.sum() < 50_000
    assert not BirdsWorld(birds=4).units()
    assert not BirdsWorld(tasks=("overlapping",), held_out_tasks=()).units()


def test_undone_forward_is_backward(mixed):
    """The frames that the last one may come from are the first, and that alone."""
    turned = BirdsWorld(speed=BOTH.sky.period - BOTH.speed)
    back = turned.rule_answers(
        batch_of(turned, [[last, first] for first, last in frames_of(BOTH, mixed)])
    )
    for answers, (first, last) in zip(back, frames_of(BOTH, mixed), strict=True):
        assert len(answers) == 1
        assert answers[0].tolist() == batch_of(turned, [[last, first]]).tokens[0].tolist()


def test_layouts_show_the_frames_in_turn(drawn):
    G = WORLD.codec.cells
    assert WORLD.seq_len == 98
    assert WORLD.vocab_size == 13
    for layout, (one, other) in enumerate(((0, 1), (1, 0), (1, 0))):
        written = WORLD.arrange(drawn, layout).tokens
        assert (written[:, 0] == 11 + one).all()
        assert (written[:, 1 + G] == 11 + other).all()
        assert np.array_equal(written[:, 1 : 1 + G], WORLD.frames(drawn)[:, one])
        assert np.array_equal(written[:, 2 + G :], WORLD.frames(drawn)[:, other])
    kinds = WORLD.codec.kinds
    assert kinds[:, [0, 1, 1 + G, 2 + G]].tolist() == [
        [LABEL, CONTEXT, LABEL, ANSWER],
        [LABEL, CONTEXT, LABEL, ANSWER],
        [LABEL, CONTEXT, LABEL, WRITTEN],
    ]


# ---- the hash


def test_the_hash_ignores_colours_and_reflections_alone(drawn):
    frames = np.array(frames_of(WORLD, drawn[:200]))
    hashes = WORLD.canonical_hash(drawn[:200])
    rng = np.random.default_rng(0)
    names = np.concatenate([[0], 1 + rng.permutation(10)])
    for view in (
        frames[:, :, ::-1],
        frames[..., ::-1],
        frames[:, :, ::-1, ::-1],
        names[frames],
        names[frames[..., ::-1]],
    ):
        assert np.array_equal(WORLD.canonical_hash(batch_of(WORLD, view)), hashes)
    for view in (
        frames[:, ::-1],  # back in time
        np.roll(frames, 1, axis=3),
        np.where(frames == frames.max(axis=(1, 2, 3), keepdims=True), 0, frames),
    ):
        assert not (WORLD.canonical_hash(batch_of(WORLD, view)) == hashes).any()


def test_flocks_have_the_hash_of_their_quiz():
    rng = np.random.default_rng(0)
    flocks = WORLD.flocks
    states, colours = flocks.draw(rng, 500, 0, "apart")
    of_states = flock_hash(state_keys(WORLD.sky, WORLD.speed), states)
    of_cells = quiz_hash(WORLD.sky, flocks.paint(states, colours), WORLD.colours)
    assert np.array_equal(of_states, of_cells)
    assert (split_by_hash(of_states) == 0).all()


def test_few_quizzes_share_a_hash(drawn):
    """As many hashes as there are sets of birds up to reflections, counted without the hash."""
    forms = set()
    for first, _ in frames_of(WORLD, drawn):
        birds = [states[0] for states in seen(first).values()]
        mirrored = [
            frozenset(
                ((5 - i, -vi) if down else (i, vi), (7 - j, -vj) if right else (j, vj))
                for i, j, vi, vj in birds
            )
            for down in (0, 1)
            for right in (0, 1)
        ]
        forms.add(str(min(map(sorted, mirrored))))
    assert len(forms) == len(np.unique(WORLD.canonical_hash(drawn)))


# ---- what is true of a quiz


def test_the_verifier_accepts_what_is_drawn(mixed):
    assert set(BOTH.verdicts(mixed)) == {Verdict.RIGHT}
    for explained, task in zip(BOTH.explain(mixed), mixed.task.tolist(), strict=True):
        assert explained.kind is ExplainedBy.TASK
        assert explained.tasks == (BOTH.tasks[task],)
    for task, name in enumerate(BOTH.tasks):
        assert np.array_equal(BOTH.follows(mixed, name), mixed.task == task)
    with pytest.raises(UserError, match=r"^unknown task 'sideways'; known: apart, overlapping$"):
        BOTH.follows(mixed, "sideways")


def test_the_verifier_rejects_every_quiz_with_a_wrong_cell(mixed):
    """Every cell of some quizzes in a colour by chance, and one by chance of many others."""
    rng = np.random.default_rng(0)
    rows = np.concatenate([np.repeat(np.arange(6), 96), np.arange(6, COUNT)])
    cell = np.concatenate([np.tile(np.arange(96), 6), rng.integers(96, size=COUNT - 6)])
    frames = BOTH.frames(mixed)[rows].reshape(len(rows), 96).copy()
    own = frames[np.arange(len(rows)), cell]
    frames[np.arange(len(rows)), cell] = (own + rng.integers(1, 11, size=len(rows))) % 11
    verdicts = BOTH.verdicts(batch_of(BOTH, frames))
    assert Verdict.RIGHT not in verdicts
    assert not BOTH.follows(batch_of(BOTH, frames), "apart").any()
    assert {Verdict.NO_BIRDS, Verdict.WRONG} <= set(verdicts)


def test_a_quiz_turned_round_is_explained_backwards(drawn):
    turned = [[last, first] for first, last in frames_of(WORLD, drawn[:50])]
    found = WORLD.explain(batch_of(WORLD, turned))
    assert {each.kind for each in found} == {ExplainedBy.BACKWARDS}
    assert {each.tasks for each in found} == {("apart",)}


def test_birds_that_fly_otherwise_are_not_explained(drawn):
    far = BirdsWorld(speed=3)
    assert set(WORLD.verdicts(far.draw(STREAM, 0, 50, "train"))) == {Verdict.WRONG}
    assert {each.kind for each in far.explain(drawn[:50])} == {ExplainedBy.NONE}
    empty = np.zeros((1, 2, 48), dtype=np.uint8)
    assert WORLD.explain(batch_of(WORLD, empty))[0].kind is ExplainedBy.NONE
    assert WORLD.verdicts(batch_of(WORLD, empty)) == [Verdict.NO_BIRDS]
    assert len(WORLD.rule_answers(batch_of(WORLD, empty))[0]) == 0


def test_a_hidden_state_gives_a_set_of_answers():
    """Two birds by chance, the upper one over the lower: every answer fits the first frame."""
    rng = np.random.default_rng(0)
    world = BirdsWorld(birds=2)
    states = every_bird(6, 8)
    frames, several = [], 0
    for _ in range(300):
        one, other = (states[k] for k in rng.integers(len(states), size=2))
        flown = [fly(bird, 2, 6, 8)[0] for bird in (one, other)]
        frames.append([painted({1: a, 2: b}, 6, 8) for a, b in ((one, other), flown)])
    batch = batch_of(world, frames)
    for quiz, answers in enumerate(world.rule_answers(batch)):
        if len(seen(frames[quiz][0])) < 2:
            continue
        several += len(answers) > 1
        assert batch.tokens[quiz].tolist() in answers.tolist()
        assert (answers[:, :49] == batch.tokens[quiz, :49]).all()
    assert several > 5
    kinds = {each.kind for each in world.explain(batch)}
    assert ExplainedBy.TASK in kinds
    assert Verdict.AMBIGUOUS in set(world.verdicts(batch))


def test_labels_are_those_of_the_simulator(mixed):
    few = BOTH.arrange(mixed[:90], np.arange(90, dtype=np.uint8) % 3)
    labels = BOTH.labels(few)
    for quiz, frames in enumerate(frames_of(BOTH, few)):
        first = {c: states[0] for c, states in seen(frames[FIRST]).items()}
        walls = {c: fly(bird, BOTH.speed, 6, 8)[1] for c, bird in first.items()}
        order = BOTH.layouts[few.layout[quiz]].parts
        for position in range(BOTH.seq_len):
            slot, cell = divmod(position, 49)
            at = {name: int(values[quiz, position]) for name, values in labels.items()}
            if cell == 0:
                assert set(at.values()) == {-1}
                continue
            row, column = divmod(cell - 1, 8)
            part = order[slot]
            frame, other = frames[part], frames[1 - part]
            colour = frame[row][column]
            assert at["task"] == few.task[quiz]
            assert at["layout"] == few.layout[quiz]
            assert (at["part"], at["row"], at["column"]) == (part, row, column)
            assert at["place"] == cell - 1
            assert at["colour"] == colour
            assert at["source"] == (other[row][column] if slot else -1)
            assert at["birds"] == 3
            if colour == 0:
                names = ("bird", "limb", "heading", "head_row", "head_column", "walls")
                assert {at[name] for name in names} == {-1}
                continue
            (bird,) = seen(frame)[colour]
            assert at["bird"] == sorted(first).index(colour)
            assert at["limb"] == bird.cells().index((row, column))
            assert at["heading"] == 2 * (bird.vi > 0) + (bird.vj > 0)
            assert (at["head_row"], at["head_column"]) == (bird.i, bird.j)
            assert at["walls"] == walls[colour]


def test_labels_say_nothing_of_what_is_no_bird():
    frames = np.zeros((1, 2, 6, 8), dtype=np.uint8)
    frames[0, FIRST, 2, 2:6] = 3  # four in a row
    frames[0, LAST, 0, 0] = 1
    labels = WORLD.labels(batch_of(WORLD, frames))
    for name in ("bird", "limb", "heading", "head_row", "head_column", "walls"):
        assert (labels[name] == -1).all()
    assert labels["birds"].max() == 0


def test_labels_are_said_in_words():
    wording = WORLD.wording
    assert wording.phrase("heading", 1) == "is of a bird that heads up right"
    assert wording.phrase("limb", 0) == "is the head of a bird"
    assert wording.phrase("walls", 1) == "is of a bird that meets one wall between the frames"
    assert wording.phrase("part", 0) == "is in the first frame"


def test_what_is_counted(mixed):
    counts = BOTH.describe(mixed)
    for quiz, frames in enumerate(frames_of(BOTH, mixed[:300])):
        first = {c: states[0] for c, states in seen(frames[0]).items()}
        cells = [sum(value > 0 for row in frame for value in row) for frame in frames]
        bounces = sum(fly(bird, 2, 6, 8)[1] > 0 for bird in first.values())
        assert {name: int(values[quiz]) for name, values in counts.items()} == {
            "birds": 3,
            # Where three birds share a cell it counts twice.
            "overlaps": int(counts["overlaps"][quiz]),
            "bounces": bounces,
            "non_bird_cells": 0,
            "colours": 3,
        }
        assert (counts["overlaps"][quiz] > 0) == (sum(cells) < 18)
    frames = np.zeros((1, 2, 6, 8), dtype=np.uint8)
    frames[0, FIRST, 2, 2:6] = 3
    frames[0, LAST] = painted({3: SlowBird(1, 1, 1, 1), 4: SlowBird(4, 4, 1, 1)}, 6, 8)
    found = WORLD.describe(batch_of(WORLD, frames))
    assert {name: int(values[0]) for name, values in found.items()} == {
        "birds": 0,
        "overlaps": 0,
        "bounces": 0,
        "non_bird_cells": 4,
        "colours": 2,
    }


def test_groups_tell_bounces_apart(drawn):
    groups = WORLD.group_of(drawn)
    assert {WORLD.groups["birds"][k] for k in groups["birds"]} == {"3 birds"}
    for quiz, (first, _) in enumerate(frames_of(WORLD, drawn[:200])):
        walls = [fly(birds[0], 2, 6, 8)[1] for birds in seen(first).values()]
        bounces = WORLD.groups["birds that bounce"][groups["birds that bounce"][quiz]]
        assert bounces == ("3 or more" if all(walls) else str(sum(w > 0 for w in walls)))
        assert groups["walls met by one"][quiz] == max(walls)
    more = BirdsWorld(birds=4).draw(STREAM, 0, 50, "test")
    assert {WORLD.groups["birds"][k] for k in WORLD.group_of(more)["birds"]} == {"more"}
    empty = WORLD.group_of(batch_of(WORLD, np.zeros((1, 2, 48), dtype=np.uint8)))
    assert [int(empty[name][0]) for name in ("birds", "birds that bounce")] == [-1, -1]


def test_trivial_quizzes_move_nothing_or_show_nothing(drawn):
    frames = WORLD.frames(drawn[:3]).copy()
    frames[0, LAST] = frames[0, FIRST]
    frames[1, FIRST] = 0
    assert WORLD.is_trivial(batch_of(WORLD, frames)).tolist() == [True, True, False]
    assert not WORLD.is_trivial(drawn).any()


def test_a_counterfactual_moves_the_cells_of_one_bird(drawn):
    for kind in WORLD.counterfactuals:
        pairs = WORLD.counterfactual(drawn, kind, np.random.default_rng(0))
        assert len(pairs.clean) > COUNT / 2
        assert set(WORLD.verdicts(pairs.changed[:200])) == {Verdict.RIGHT}
        both = zip(
            frames_of(WORLD, pairs.clean[:200]), frames_of(WORLD, pairs.changed[:200]), strict=True
        )
        for one, other in both:
            before, after = seen(one[0]), seen(other[0])
            assert list(before) == list(after)
            (mine,) = (c for c in before if before[c] != after[c])
            if kind == "heading":
                assert before[mine][0][:2] == after[mine][0][:2]
    other = BirdsWorld(speed=3).draw(STREAM, 0, 40, "train")
    assert len(WORLD.counterfactual(other, "bird", np.random.default_rng(0)).clean) == 0


# ---- options


def test_other_worlds_to_examine_agents_on():
    assert WORLD.other_scenes() == replace(WORLD, birds=4)
    assert BirdsWorld(birds=3, colours=3).other_scenes() == BirdsWorld(birds=2, colours=3)
    assert BirdsWorld(birds=1, colours=1).other_scenes() is None
    held_out = WORLD.held_out_world()
    assert held_out == replace(WORLD, tasks=("overlapping",))
    assert set(held_out.verdicts(held_out.draw(STREAM, 0, 50, "test"))) == {Verdict.RIGHT}
    assert BOTH.held_out_world() is None
    assert BirdsWorld(birds=1).held_out_world() is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"height": 2}, r"world\.height must be 3 to 32, got 2"),
        ({"width": 99}, r"world\.width must be 3 to 32, got 99"),
        ({"birds": 0}, r"world\.birds must be at least 1 and at most world\.colours, which is 10"),
        ({"birds": 11}, r"world\.birds must be at least 1 and at most world\.colours, .* got 11"),
        ({"colours": 300}, r"which is 300 and at most 250; got 3"),
        ({"speed": 0}, r"world\.speed must be 1 to 69, got 0: after 70 steps every bird of a 6x8"),
        ({"speed": 70}, r"world\.speed must be 1 to 69, got 70"),
        ({"birds": 9}, r"9 birds crowd a 6x8 grid: flocks without overlap are too rare to draw"),
        ({"tasks": ()}, r"world\.tasks is empty"),
        ({"tasks": ("apart", "apart")}, r"world\.tasks names a task twice: apart, apart"),
        ({"tasks": ("together",)}, r"unknown task 'together'; known: apart, overlapping"),
        ({"held_out_tasks": ("together",)}, r"unknown task 'together'"),
        ({"tasks": ("overlapping",), "birds": 1}, r"task 'overlapping' needs two birds"),
    ],
)
def test_impossible_options_are_refused_in_one_line(options, message):
    with pytest.raises(UserError, match=message) as refused:
        BirdsWorld(**options)
    assert "\n" not in str(refused.value)


def test_a_world_without_a_quiz_of_a_split_says_so():
    """One bird in the smallest grid has 16 states, four up to reflections."""
    tiny = BirdsWorld(height=3, width=3, birds=1, colours=1, speed=1)
    counts = tiny.units()["apart"]
    splits = [split for split, count in zip(tiny.splits, counts, strict=True) if not count]
    assert splits
    with pytest.raises(UserError, match="too few flocks of the task 'apart'"):
        tiny.draw(STREAM, 0, 1, splits[0])


def test_proposed_layout_can_be_drawn_with_the_others(drawn):
    every = concatenate([WORLD.arrange(drawn[:4], s) for s in range(3)])
    assert np.array_equal(WORLD.arrange(every, 0).tokens, np.tile(drawn[:4].tokens, (3, 1)))
