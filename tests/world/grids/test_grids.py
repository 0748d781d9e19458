"""The grids world: index-addressed draws, layouts, splits, canonical hash, labels, pictures."""

import hashlib
import itertools
from dataclasses import replace

import numpy as np
import pytest

from world import QuizBatch, Stream, World, concatenate
from world.core.colours import colour
from world.core.errors import UserError
from world.core.world import split_by_hash
from world.grids.codec import ANSWER, LABEL
from world.grids.painting.task import Pair, Scene
from world.grids.world import GridsWorld

WORLD = GridsWorld()
UNLEARNED = GridsWorld(tasks=("bounce", "fill", "isometry", "path", "scale", "trajectory"))
STREAM = Stream(0, "test")


@pytest.fixture(scope="module")
def batch():
    return WORLD.draw(STREAM, 0, 3000, "train")


@pytest.fixture(scope="module", params=[WORLD, UNLEARNED], ids=["published", "unlearned"])
def drawn(request):
    """Quizzes of the published tasks, or of the others on the same grids."""
    return request.param.draw(STREAM, 0, 3000, "train")


def test_a_draw_does_not_depend_on_how_it_is_cut(batch):
    cuts = [0, 1, 700, 1024, 1025, 3000]
    parts = [WORLD.draw(STREAM, a, b - a, "train") for a, b in itertools.pairwise(cuts)]
    assert np.array_equal(concatenate(parts).tokens, batch.tokens)
    assert np.array_equal(concatenate(parts).task, batch.task)


@pytest.mark.parametrize(
    ("world", "digest"),
    [
        (WORLD, "a0220bdceefe12df"),
        (GridsWorld(height=10, width=10, colours=10, rectangles=3), "e3c53b11d70ac824"),
        (UNLEARNED, "59d3b34d8d99432d"),
    ],
    ids=["small", "large", "unlearned"],
)
def test_the_quizzes_of_a_seed_never_change(world, digest):
    """A golden digest: if this fails, earlier runs can no longer be resumed or repeated."""
    tokens = world.draw(Stream(7, "golden"), 5, 100, "test").tokens
    assert hashlib.sha256(tokens.tobytes()).hexdigest()[:16] == digest


def test_a_split_without_quizzes_is_refused():
    """One rectangle in a grid of 3x4: three pairs, which are not in every split."""
    tiny = GridsWorld(height=3, width=4, colours=1, rectangles=1, tasks=("frame",))
    every = tiny.generate(np.random.default_rng(0), 200)
    pairs = np.unique(tiny.units_of(every))
    assert len(pairs) == 3
    counts = np.bincount(split_by_hash(pairs), minlength=len(World.splits))
    assert counts.tolist() == tiny.painter.material["frame"].pairs().tolist()
    assert counts.min() < 2
    for split, count in zip(World.splits, counts.tolist(), strict=True):
        if count > 1:
            assert len(tiny.draw(STREAM, 0, 3, split)) == 3
        else:
            with pytest.raises(UserError, match="too few different pairs of task 'frame'"):
                tiny.draw(STREAM, 0, 1, split)


def test_a_world_of_one_scene_is_refused():
    """A quiz needs two pairs that differ."""
    with pytest.raises(UserError, match="impossible"):
        GridsWorld(height=3, width=3, colours=1, rectangles=1, tasks=("frame",))


def test_streams_with_other_names_differ(batch):
    for other in (Stream(1, "test"), Stream(0, "other"), Stream(0, "test", agent=0)):
        assert not np.array_equal(WORLD.draw(other, 0, 100, "train").tokens, batch.tokens[:100])


LARGE = GridsWorld(height=8, width=8, rectangles=3)
"""So many scenes that they are not listed."""


@pytest.mark.parametrize("world", [WORLD, UNLEARNED, LARGE], ids=["small", "unlearned", "large"])
def test_no_pair_is_in_two_splits(world):
    """Compared cell by cell up to colours and direction, without the hash that decides."""
    seen: dict[bytes, int] = {}
    for index, split in enumerate(World.splits):
        batch = world.draw(Stream(index, "x"), 0, 2000, split)
        for pair in world.grids(batch).reshape(-1, 2, world.height * world.width):
            readings = (first_appearance(pair), first_appearance(pair[::-1]))
            assert seen.setdefault(min(readings), index) == index


def first_appearance(cells):
    """The cells with colours renamed 1, 2, ... in the order in which they come."""
    names = {0: 0}
    return bytes(names.setdefault(cell, len(names)) for cell in cells.ravel().tolist())


def test_every_pair_is_in_some_split_and_drawn():
    """In a world whose pairs can be counted by drawing them all."""
    world = replace(WORLD, tasks=("frame", "translate"))
    for task, material in world.painter.material.items():
        alone = world.with_tasks((task,))
        for index, (split, count) in enumerate(zip(World.splits, material.pairs(), strict=True)):
            drawn = np.unique(alone.units_of(alone.draw(STREAM, 0, 8000, split)))
            assert (split_by_hash(drawn) == index).all()
            # Steps along a diagonal are seldom drawn.
            assert len(drawn) == count if task == "frame" else len(drawn) <= count


def test_a_pair_that_a_rule_and_its_inverse_make_is_counted_once():
    """What grows in one quiz shrinks in another; a step and the step back leave the same grids."""
    world = replace(WORLD, tasks=("frame", "grow", "translate"))
    counts = {task: int(pairs.sum()) for task, pairs in world.units().items()}
    assert counts["grow"] == counts["frame"]
    material = world.painter.material["translate"]
    made = set()
    for parameter, pool in enumerate(material.pools):
        step = np.full(len(pool.scenes), parameter)
        pair = Pair.blank(len(step), world.height * world.width)
        colours = np.tile(np.arange(1, 3, dtype=np.uint8), (len(step), 1))
        material.task.paint(pair, Scene(world.plane, pool.scenes, colours, step))
        for cells in zip(pair.x.cells, pair.fx.cells, strict=True):
            made.add(min(first_appearance(np.stack(way)) for way in (cells, cells[::-1])))
    assert counts["translate"] == len(made)
    assert 2 * len(made) == sum(len(pool.scenes) for pool in material.pools)


def test_many_and_few_scenes_are_drawn_alike(monkeypatch):
    """Pairs that are searched for come as often as those that are listed."""
    monkeypatch.setattr("world.grids.painting.material.LISTED_PAIRS", 0)
    searched = GridsWorld(height=5, width=5, rectangles=1, tasks=("translate",))
    assert searched.painter.material["translate"].pairs() is None
    found = searched.draw(STREAM, 0, 4096, "train")
    monkeypatch.undo()
    listed = GridsWorld(height=5, width=5, rectangles=1, tasks=("translate",))
    drawn = listed.draw(STREAM, 0, 4096, "train")
    counts = [
        dict(zip(*np.unique(listed.units_of(b), return_counts=True), strict=True))
        for b in (found, drawn)
    ]
    assert counts[0].keys() == counts[1].keys()
    largest = max(counts[1].values())
    assert all(abs(counts[0][unit] - n) < 0.35 * largest for unit, n in counts[1].items())
    units = listed.units_of(found)
    assert (units[:, 0] != units[:, 1]).all()


def test_tasks_have_equal_shares(batch):
    shares = np.bincount(batch.task, minlength=8) / len(batch)
    assert np.abs(shares - 1 / 8).max() < 0.03


def test_arrange_there_and_back(drawn):
    rng = np.random.default_rng(0)
    layout = rng.integers(5, size=len(drawn)).astype(np.uint8)
    written = WORLD.arrange(drawn, layout)
    assert not np.array_equal(written.tokens, drawn.tokens)
    back = WORLD.arrange(written, 0)
    assert np.array_equal(back.tokens, drawn.tokens)
    assert np.array_equal(back.regions, drawn.regions)


def test_labels_and_cells_stand_where_they_are_allowed(drawn):
    for s in range(len(WORLD.layouts)):
        written = WORLD.arrange(drawn, s)
        allowed = WORLD.allowed[s][np.arange(WORLD.seq_len), written.tokens]
        assert allowed.all()


def test_answers_are_the_last_part():
    for s in WORLD.answer_layouts:
        assert np.flatnonzero(WORLD.codec.kinds[s] == ANSWER).min() == 3 * 37 + 1
    assert WORLD.layouts[WORLD.writing_layout].name == "fB,fA,A,B"


def rename(batch, rng):
    """The same quizzes with their colours renamed."""
    names = np.arange(WORLD.vocab_size, dtype=np.uint8)
    names[1 : WORLD.colours + 1] = rng.permutation(names[1 : WORLD.colours + 1])
    return QuizBatch(names[batch.tokens], batch.layout, batch.task)


def swap_pairs(batch):
    """The same quizzes with A, f(A) and B, f(B) exchanged."""
    parts = batch.tokens.reshape(len(batch), 4, -1).copy()
    parts[:, :, 1:] = parts[:, [2, 3, 0, 1], 1:]
    return QuizBatch(parts.reshape(batch.tokens.shape), batch.layout, batch.task)


def test_hash_ignores_layout_colour_names_and_the_order_of_pairs(drawn):
    hashes = WORLD.canonical_hash(drawn)
    rng = np.random.default_rng(0)
    for s in range(5):
        assert np.array_equal(WORLD.canonical_hash(WORLD.arrange(drawn, s)), hashes)
    assert np.array_equal(WORLD.canonical_hash(rename(drawn, rng)), hashes)
    assert np.array_equal(WORLD.canonical_hash(swap_pairs(drawn)), hashes)


def test_hash_tells_quizzes_apart(drawn):
    """As many hashes as quizzes that differ by more than colour names and order of pairs."""

    def canonical(quiz):
        forms = []
        for order in (quiz, quiz[[2, 3, 0, 1]]):
            first = {c: i for i, c in enumerate(dict.fromkeys(order[order > 0].tolist()), 1)}
            forms.append(tuple(first.get(c, 0) for c in order.ravel().tolist()))
        return min(forms)

    forms = [canonical(quiz) for quiz in WORLD.grids(drawn)]
    hashes = WORLD.canonical_hash(drawn).tolist()
    assert len(set(zip(forms, hashes, strict=True))) == len(set(forms)) == len(set(hashes))


def test_hash_sees_every_cell_and_which_part_it_is_in(batch):
    few = batch[:50]
    hashes = WORLD.canonical_hash(few)
    for position in range(WORLD.seq_len):
        if WORLD.codec.kinds[0, position] == LABEL:
            continue
        tokens = few.tokens.copy()
        tokens[:, position] = np.where(tokens[:, position] == 0, 6, 0)
        changed = WORLD.canonical_hash(QuizBatch(tokens, few.layout, few.task))
        assert (changed != hashes).all()
    swapped = few.tokens.reshape(50, 4, -1).copy()
    swapped[:, :, 1:] = swapped[:, [1, 0, 3, 2], 1:]
    inverse = QuizBatch(swapped.reshape(few.tokens.shape), few.layout, few.task)
    # Undoing replace_color is replacing a colour: only there is the inverse the same quiz.
    same = WORLD.canonical_hash(inverse) == hashes
    assert np.array_equal(same, few.task == WORLD.tasks.index("replace_color"))


def test_trivial_quizzes_are_those_with_a_pair_of_equal_grids(drawn):
    assert not WORLD.is_trivial(drawn).any()
    parts = drawn.tokens[:10].reshape(10, 4, -1).copy()
    parts[:5, 3, 1:] = parts[:5, 2, 1:]
    made = QuizBatch(parts.reshape(10, -1), drawn.layout[:10], drawn.task[:10])
    for s in range(5):
        assert WORLD.is_trivial(WORLD.arrange(made, s)).tolist() == [True] * 5 + [False] * 5


def test_noise_touches_only_the_third_part_of_the_first_two_layouts(batch):
    few = WORLD.arrange(batch[:1000], (np.arange(1000) % 5).astype(np.uint8))
    noisy = WORLD.corrupt(few, 0.2, np.random.default_rng(0))
    differs = noisy.tokens != few.tokens
    third = np.zeros(WORLD.seq_len, bool)
    third[2 * 37 + 1 : 3 * 37] = True
    assert not differs[:, ~third].any()
    assert not differs[few.layout >= 2].any()
    share = differs[few.layout < 2][:, third].mean()
    assert abs(share - 0.2 * 6 / 7) < 0.01
    assert np.array_equal(WORLD.corrupt(few, 0.0, np.random.default_rng(0)).tokens, few.tokens)


def test_labels_tell_the_truth(drawn):
    quiz = drawn[:500]
    for s in range(5):
        written = WORLD.arrange(quiz, s)
        labels = WORLD.labels(written)
        cell = WORLD.codec.kinds[0] != LABEL
        assert all((v[:, ~cell] == -1).all() for v in labels.values())
        assert np.array_equal(labels["colour"][:, cell], written.tokens[:, cell])
        order = WORLD.layouts[s].parts
        assert labels["part"][0][cell].reshape(4, -1)[:, 0].tolist() == list(order)
    grids = WORLD.grids(quiz)
    labels = WORLD.labels(quiz)
    changed = labels["changed"].reshape(500, 4, 37)[:, :, 1:].reshape(500, 4, 6, 6)
    assert np.array_equal(changed[:, 0] == 1, grids[:, 0] != grids[:, 1])
    assert np.array_equal(changed[:, 3] == 1, grids[:, 2] != grids[:, 3])


def test_rectangles_have_their_truth_from_the_painter():
    world = GridsWorld(tasks=("frame",))
    quiz = world.draw(STREAM, 0, 300, "train")
    labels = {k: v.reshape(300, 4, 37)[:, :, 1:] for k, v in world.labels(quiz).items()}
    grids = world.grids(quiz).reshape(300, 4, 36)
    assert np.array_equal(labels["rectangle"] >= 0, grids > 0)
    assert np.array_equal(labels["edge"] > 0, grids > 0)
    erased = (labels["edge"][:, 0] == 2) & (labels["rectangle"][:, 0] == 1)
    assert np.array_equal(erased, labels["changed"][:, 0] == 1)


def test_agent_made_quizzes_have_no_painter(drawn):
    made = QuizBatch(drawn.tokens, drawn.layout, np.full(len(drawn), -1, np.int16))
    labels = WORLD.labels(made)
    assert (labels["rectangle"] == -1).all()
    assert (labels["changed"].max(axis=1) == 1).all()


def test_shapes_are_checked_with_expected_and_actual():
    with pytest.raises(ValueError, match=r"unsigned \[B, T\], got int64"):
        QuizBatch(np.zeros((2, 148), int), np.zeros(2, np.uint8), np.zeros(2, np.int16))
    with pytest.raises(ValueError, match=r"layout must be uint8 \[2\].*got uint8 \[3\]"):
        QuizBatch(np.zeros((2, 148), np.uint8), np.zeros(3, np.uint8), np.zeros(2, np.int16))


def test_pictures_show_every_cell(drawn):
    text = WORLD.text(drawn, 0, plain=True).splitlines()
    assert len(text) == 1 + WORLD.height
    digits = [[c if c != "." else "0" for c in line.split()] for line in text[1:]]
    shown = np.array(digits, dtype=int).reshape(6, 4, 6).transpose(1, 0, 2)
    assert np.array_equal(shown, WORLD.grids(drawn[:1])[0])
    assert WORLD.png(drawn, 0).size == (4 * 96 + 3 * 16, 96)
    overlay = np.zeros(148, np.float32)
    overlay[5], overlay[120] = 1.0, 0.5
    wrong = np.zeros(148, bool)
    wrong[140] = True
    picture = WORLD.svg(drawn, 0, overlay, wrong)
    assert picture.count("<circle") == 2
    assert 'role="img"' in picture
    assert picture.endswith("</svg>")


def test_a_program_finds_every_cell_by_the_view(drawn):
    view, few = WORLD.view, drawn[:20]
    cells = [few.tokens[:, piece.cells] for piece in view.pieces]
    assert np.array_equal(np.stack(cells, axis=1).reshape(20, 4, 6, 6), WORLD.grids(few))
    assert view.palette == tuple(colour(value) for value in range(WORLD.colours + 1))
    assert len(set(view.words)) == len(view.palette)
    beyond = GridsWorld(colours=12).view
    assert beyond.words[10:] == ("black", "colour 11", "colour 12")
