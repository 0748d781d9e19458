"""What every registered world promises, and one that was written outside the package."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.copy_world import CopyWorld
from tests.helpers.count_world import CountWorld
from world import (
    ExplainedBy,
    ExplainedWorld,
    FlippedWorld,
    PairedWorld,
    QuizBatch,
    QuizWorld,
    Stream,
    UserError,
    World,
    concatenate,
    require_offer,
    worlds,
)

STREAM = Stream(0, "contract")
COUNT = 300
WORLDS = {
    **{name: worlds[name]() for name in worlds},
    "copy": CopyWorld(),
    "count": CountWorld(),
}


@pytest.fixture(scope="module", params=list(WORLDS))
def world(request) -> World:
    return WORLDS[request.param]


@pytest.fixture(scope="module")
def drawn(world) -> QuizBatch:
    return world.draw(STREAM, 0, COUNT, "train")


def in_every_layout(world, batch):
    return concatenate([world.arrange(batch, s) for s in range(len(world.layouts))])


def test_a_world_is_a_value(world):
    assert world == type(world)()
    assert isinstance(hash(world), int)
    assert WORLDS[world.name] is world


def test_drawing_is_addressed_by_index(world, drawn):
    assert drawn.tokens.shape == (COUNT, world.seq_len)
    assert drawn.tokens.dtype == world.token_dtype
    assert not drawn.layout.any()
    for start, count in ((0, 7), (7, 1), (150, 150), (299, 1)):
        part = world.draw(STREAM, start, count, "train")
        assert np.array_equal(part.tokens, drawn.tokens[start : start + count])
        assert np.array_equal(part.task, drawn.task[start : start + count])
    assert len(world.draw(STREAM, 5, 0, "train")) == 0
    with pytest.raises(ValueError, match="unknown split 'none'"):
        world.draw(STREAM, 0, 1, "none")


def test_tasks_come_as_often_as_they_are_weighted(world):
    alone = np.eye(len(world.tasks))[-1]
    assert (world.draw(STREAM, 0, 40, "train", alone).task == len(world.tasks) - 1).all()
    shares = np.bincount(world.draw(STREAM, 0, 2000, "train").task) / 2000
    assert shares == pytest.approx(np.full(len(world.tasks), 1 / len(world.tasks)), abs=0.06)


def test_splits_share_no_unit_and_are_told_from_the_sequence_alone(world):
    seen: dict[int, str] = {}
    for index, split in enumerate(world.splits):
        batch = world.draw(STREAM, 0, COUNT, split)
        assert (world.split_of(batch) == index).all()
        assert (world.split_of(in_every_layout(world, batch)) == index).all()
        assert (world.unit_split_of(batch) == index).all()
        assert set(batch.task.tolist()) == set(world.tasks_in(split))
        for value in world.units_of(batch).ravel().tolist():
            assert seen.setdefault(value, split) == split
    assert world.splits[:3] == ("train", "test", "sae")


def test_values_and_positions_have_names(world):
    assert len(world.vocab) == world.vocab_size == len(set(world.vocab))
    assert world.coordinates.shape == (world.seq_len, len(world.axes))
    sizes = [axis.size for axis in world.axes]
    assert (world.coordinates >= 0).all()
    assert (world.coordinates < sizes).all()
    assert len(np.unique(world.coordinates, axis=0)) == world.seq_len


def test_parts_are_told_token_by_token(world, drawn):
    exam = world.for_exam(drawn)
    part = world.part_of(exam)
    assert (part.dtype, part.shape) == (np.int8, drawn.tokens.shape)
    assert part.min() >= -1
    assert part.max() < len(world.parts)
    graded = np.array([*(p.graded for p in world.parts), False])[part]
    assert graded.any(axis=1).all()
    assert (np.array([p.weight for p in world.parts]) >= 0).all()
    for s, layout in enumerate(world.layouts):
        known = np.array([*(p.graded for p in world.parts), False])
        assert known[world.part_of(world.arrange(drawn, s))].any() == layout.answers
    # A row's parts do not depend on the rows beside it.
    assert np.array_equal(world.part_of(exam[7:8])[0], part[7])


def test_groups_and_labels_have_their_shapes(world, drawn):
    groups = world.group_of(drawn)
    assert groups.keys() == world.groups.keys()
    for name, names in world.groups.items():
        assert groups[name].shape == (COUNT,)
        assert groups[name].min() >= -1
        assert groups[name].max() < len(names)
    labels = world.labels(drawn)
    assert labels
    for name, values in labels.items():
        assert (values.dtype, values.shape) == (np.int16, drawn.tokens.shape), name
        assert values.min() >= -1
        known = world.wording.values.get(name)
        assert known is None or values.max() < len(known), name
        assert world.wording.phrase(name, int(values.max()))


def test_arranging_is_a_bijection(world, drawn):
    for s in range(len(world.layouts)):
        written = world.arrange(drawn, s)
        assert (written.layout == s).all()
        assert np.array_equal(world.arrange(written, 0).tokens, drawn.tokens)
        assert np.array_equal(np.sort(written.tokens, axis=1), np.sort(drawn.tokens, axis=1))
    mixed = np.arange(COUNT, dtype=np.uint8) % len(world.layouts)
    each = world.arrange(world.arrange(drawn, 0), mixed)
    assert np.array_equal(each.layout, mixed)
    assert np.array_equal(world.arrange(each, 0).tokens, drawn.tokens)
    assert np.array_equal(world.canonical_hash(each), world.canonical_hash(drawn))


def test_for_exam_takes_answer_layouts_in_turn(world, drawn):
    answers = np.array(world.answer_layouts)
    assert np.array_equal(
        world.for_exam(drawn, 3).layout, answers[(3 + np.arange(COUNT)) % len(answers)]
    )


def test_a_view_shows_every_cell(world, drawn):
    view = world.view
    assert len(view.palette) == len(view.glyphs) == len(view.words)
    cells = np.concatenate([piece.cells for piece in view.pieces])
    assert len(np.unique(cells)) == len(cells)
    assert drawn.tokens[:, cells].max() < len(view.palette)
    batch = in_every_layout(world, drawn[:2])
    for row in range(len(batch)):
        text = world.text(batch, row, plain=True)
        assert all(piece.name in text for piece in view.pieces)
        picture = world.svg(
            batch,
            row,
            overlay=np.ones(world.seq_len, dtype=np.float32),
            wrong=np.ones(world.seq_len, dtype=np.bool_),
        )
        assert picture.count("<circle") == len(cells)
        assert picture.startswith("<svg")
        assert picture.endswith("</svg>")
    assert world.png(batch, 0).width > 0


def test_quizzes_show_themselves(world, drawn):
    shown = world.show(drawn)
    page = shown._repr_html_()
    assert page.count("<svg") == 12
    assert f"and {COUNT - 12} more" in page
    assert shown[3]._repr_svg_() == world.svg(drawn, 3)
    assert shown[:2]._repr_svg_() is None
    assert len(shown[drawn.task == 0]) == (drawn.task == 0).sum()
    assert shown[5].tasks == [world.tasks[drawn.task[5]]]
    assert f"{COUNT} quizzes of the world {world.name!r}" in repr(shown)


def quiz_world(world) -> QuizWorld:
    if not isinstance(world, QuizWorld):
        pytest.skip("no world of quizzes")
    return world


def test_layouts_directions_and_slots_agree(world, drawn):
    quizzes = quiz_world(world)
    assert set(quizzes.directions) <= set(quizzes.answer_layouts)
    assert quizzes.directions[0] == 0
    assert not quizzes.layouts[quizzes.writing_layout].answers
    shape = (len(quizzes.layouts), quizzes.seq_len)
    assert quizzes.slots.shape == quizzes.origins.shape == shape
    assert (np.diff(quizzes.slots, axis=1) >= 0).all()
    assert (np.sort(quizzes.origins, axis=1) == np.arange(quizzes.seq_len)).all()
    for s in range(len(quizzes.layouts)):
        written = quizzes.arrange(drawn, s).tokens
        assert np.array_equal(written, drawn.tokens[:, quizzes.origins[s]])


def test_what_is_drawn_is_allowed(world, drawn):
    quizzes = quiz_world(world)
    shape = (len(quizzes.layouts), quizzes.seq_len, quizzes.vocab_size)
    assert quizzes.allowed.shape == shape
    assert quizzes.allowed.any(axis=2).all()
    for s in range(len(quizzes.layouts)):
        written = quizzes.arrange(drawn, s).tokens
        assert quizzes.allowed[s, np.arange(quizzes.seq_len), written].all()


def test_an_answer_stands_where_it_may_be_written(world, drawn):
    quizzes = quiz_world(world)
    for direction in quizzes.directions:
        asked = quizzes.arrange(drawn, direction)
        mask = quizzes.answer_mask(asked)
        graded = np.array([*(p.graded for p in quizzes.parts), False])[quizzes.part_of(asked)]
        assert (mask | ~graded).all()
        # It is known without the answer: another one leaves it where it is.
        rng = np.random.default_rng(0)
        lots = rng.random((*asked.tokens.shape, quizzes.vocab_size)) * quizzes.allowed[direction]
        other = np.where(mask, lots.argmax(axis=2), asked.tokens).astype(asked.tokens.dtype)
        changed = quizzes.tidy(QuizBatch(other, asked.layout, asked.task))
        assert np.array_equal(quizzes.answer_mask(changed), mask)
        assert np.array_equal(changed.tokens[~mask], asked.tokens[~mask])
        assert np.array_equal(quizzes.tidy(changed).tokens, changed.tokens)
    assert np.array_equal(quizzes.tidy(drawn).tokens, drawn.tokens)


def how_often(found, reading):
    """[B, V]: how often the values of a reading occur, whatever they are."""
    values = np.arange(len(found.renamable))
    return np.sort((found.readings[:, reading, :, None] == values).sum(axis=1), axis=1)


def test_hash_and_symmetries_agree(world, drawn):
    quizzes = quiz_world(world)
    found = quizzes.symmetries(drawn)
    assert len(found.readings) == COUNT
    assert found.renamable.shape == (quizzes.vocab_size,)
    hashes = quizzes.canonical_hash(drawn)
    forms: dict[bytes, int] = {}
    for readings, value in zip(found.readings, hashes.tolist(), strict=True):
        for reading in readings:
            assert forms.setdefault(reading.tobytes(), value) == value
    for reading in range(found.readings.shape[1]):
        assert np.array_equal(how_often(found, reading), how_often(found, 0))


def test_no_quizzes_are_no_trouble(world, drawn):
    none = drawn[:0]
    assert world.part_of(none).shape == none.tokens.shape
    assert len(world.split_of(none)) == len(world.for_exam(none)) == 0
    assert all(len(values) == 0 for values in world.labels(none).values())
    if isinstance(world, QuizWorld):
        assert len(world.symmetries(none).readings) == len(world.is_trivial(none)) == 0
        assert world.answer_mask(world.tidy(none)).shape == none.tokens.shape


def test_nothing_drawn_is_trivial(world, drawn):
    quizzes = quiz_world(world)
    trivial = quizzes.is_trivial(drawn)
    assert trivial.shape == (COUNT,)
    assert trivial.mean() < 0.02
    assert np.array_equal(trivial, quizzes.is_trivial(quizzes.arrange(drawn, 1)))


def test_noise_touches_the_prompt_alone(world, drawn):
    quizzes = quiz_world(world)
    asked = quizzes.arrange(drawn, quizzes.directions[0])
    noisy = quizzes.corrupt(asked, 0.9, np.random.default_rng(0))
    changed = noisy.tokens != asked.tokens
    assert changed.any(axis=1).mean() > 0.8
    assert not changed[quizzes.answer_mask(asked)].any()
    assert np.array_equal(
        quizzes.corrupt(asked, 0.0, np.random.default_rng(0)).tokens, asked.tokens
    )


def test_training_mixes_layouts(world, drawn):
    quizzes = quiz_world(world)
    written = quizzes.for_training(drawn, np.random.default_rng(0), 0.4, 0.0)
    share = (written.layout == quizzes.writing_layout).mean()
    assert share == pytest.approx(0.4, abs=0.1)
    assert np.array_equal(quizzes.arrange(written, 0).tokens, drawn.tokens)


def test_every_drawn_quiz_is_explained_by_its_own_rule(world, drawn):
    if not isinstance(world, ExplainedWorld):
        pytest.skip("a world without rules to tell")
    few = drawn[:60]
    for quiz, explained in enumerate(world.explain(few)):
        assert explained.kind is ExplainedBy.TASK
        assert explained.tasks == (world.tasks[few.task[quiz]],)
    for quiz, answers in enumerate(world.rule_answers(few)):
        assert np.array_equal(answers, few.tokens[quiz : quiz + 1])
    other = world.held_out_world()
    assert other is None or not set(other.tasks) & set(world.tasks)


def test_counterfactuals_differ_where_they_say(world, drawn):
    if not isinstance(world, PairedWorld):
        pytest.skip("a world without pairs")
    with pytest.raises(ValueError, match="unknown kind"):
        world.counterfactual(drawn, "none", np.random.default_rng(0))
    for kind in world.counterfactuals:
        pairs = world.counterfactual(drawn, kind, np.random.default_rng(0))
        rows = np.arange(len(pairs.clean))
        assert len(rows) > COUNT / 10
        mask = world.answer_mask(pairs.clean)
        for side, batch in enumerate((pairs.clean, pairs.changed)):
            assert np.array_equal(batch.tokens[rows, pairs.position], pairs.contrast[:, side])
        differ = (pairs.clean.tokens != pairs.changed.tokens) & mask
        assert np.array_equal(differ.argmax(axis=1), pairs.position)
        assert (pairs.contrast[:, 0] != pairs.contrast[:, 1]).all()


def test_flips_say_where_everything_stands(world, drawn):
    if not isinstance(world, FlippedWorld):
        pytest.skip("a world without flips")
    roles, rows = world.flip_roles, None
    assert {roles.telling, *roles.idle} <= set(world.flips)
    for kind in world.flips:
        found = world.flip(drawn, kind, np.random.default_rng(0))
        assert rows is None or np.array_equal(rows, found.rows)
        rows, count = found.rows, np.arange(len(found.rows))
        assert len(rows) > COUNT / 10
        for side in (found.base, found.changed):
            assert roles.end in side.columns
            assert all(((at >= 0) & (at < world.seq_len)).all() for at in side.columns.values())
            end = side.columns[roles.end]
            right = side.batch.tokens[count, end + 1]
            if side is found.base or kind in roles.idle:
                assert np.array_equal(right, side.features[roles.right])
        if kind == roles.telling:
            assert np.array_equal(right, found.base.features[roles.wrong])


def test_a_world_of_the_core_alone_has_one_layout():
    world = WORLDS["count"]
    assert world.token_dtype == np.uint16
    batch = world.draw(STREAM, 0, 5, "test")
    assert world.for_training(batch, np.random.default_rng(0), 0.5, 0.5) is batch
    assert world.answer_layouts == (0,)
    with pytest.raises(ValueError, match="world 'count' has one layout"):
        world.arrange(batch, 1)
    with pytest.raises(UserError, match="the world 'count' has no choice of tasks"):
        world.with_tasks(("by one",))
    assert worlds["strings"]().with_tasks(("sort",)).tasks == ("sort",)


def test_what_a_world_does_not_offer_is_said_in_a_line():
    require_offer(CopyWorld(), QuizWorld, "culture needs quizzes")
    with pytest.raises(UserError, match=r"^patching needs pairs, which the world 'copy' does not"):
        require_offer(CopyWorld(), PairedWorld, "patching needs pairs")
