"""The names world: sentences are what their task says, evenly drawn, and answered right."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from tests.helpers.sentences import quizzes, texts
from world import ExplainedBy, QuizBatch, Stream, UserError, worlds
from world.core.sampling import BLOCK
from world.names import LADDER, NamesWorld
from world.names.words import OBJECTS, PLACES

WORLD = NamesWorld()
EVERY = NamesWorld(distractors=1, tasks=("abb", "bab", "abc", "twice", "repeat"))
TINY = NamesWorld(names=6, templates=1, prefix=0, gap=0, floats=0, tasks=("abb",))
STREAM = Stream(0, "names")
GIVES = "When Mary and John were at the park John gave a ring to Mary"


def drawn(world, count=BLOCK, split="train", weights=None):
    return world.draw(STREAM, 0, count, split, weights)


def test_it_is_chosen_by_its_name():
    assert worlds["names"] is NamesWorld
    assert (WORLD.seq_len, WORLD.vocab_size) == (30, 177)
    assert (TINY.seq_len, TINY.vocab_size) == (14, 83)
    assert len(WORLD.layouts) == 6
    assert WORLD.directions == (0,)


def slow_answer(text, names):
    """The task of a sentence and its answer, from where its names stand."""
    words = text.split()[:-1]
    said = [word for word in words if word in names]
    first, second, *others, giver = said
    answer = {first: second, second: first}.get(giver, "them")
    if answer in others:
        return "twice", answer
    return {first: "bab", second: "abb"}.get(giver, "abc"), answer


@pytest.mark.parametrize("split", EVERY.splits)
def test_drawn_quizzes_are_what_their_task_says(split):
    batch = drawn(EVERY, 600, split)
    names = {*EVERY.vocab[-100:]}
    for text, task in zip(texts(EVERY, batch), batch.task.tolist(), strict=True):
        words = text.split()
        if EVERY.tasks[task] == "repeat":
            half = len(words) // 2
            assert words[:half] == words[half:]
            assert len({*words}) == half >= 4
        else:
            assert slow_answer(text, names) == (EVERY.tasks[task], words[-1])


def test_everything_comes_as_often_as_everything_else():
    made = WORLD.read(drawn(WORLD, 20 * BLOCK)).sentences
    for values, shown in ((made.place, len(PLACES)), (made.object, len(OBJECTS))):
        counts = np.unique(values, return_counts=True)[1]
        assert len(counts) == shown
        assert counts / len(values) == pytest.approx(np.full(shown, 1 / shown), abs=0.015)
    for fillers in (made.prefix, made.gap, made.late):
        counts = np.bincount((fillers > 0).sum(axis=1))
        assert counts / len(made) == pytest.approx(np.full(len(counts), 1 / len(counts)), abs=0.015)
    for half in (made.opening, made.ending):
        assert np.bincount(half) / len(made) == pytest.approx(np.full(8, 1 / 8), abs=0.015)
    names = np.bincount(np.concatenate([made.first, made.second]))[-100:]
    assert names / names.sum() == pytest.approx(np.full(100, 0.01), abs=0.002)
    third = np.bincount(made.giver[(made.giver != made.first) & (made.giver != made.second)])
    assert third[-100:] / third.sum() == pytest.approx(np.full(100, 0.01), abs=0.006)


def test_a_tiny_world_draws_all_its_quizzes_and_no_others():
    """All of them are listed here; sizes are by arithmetic."""
    pair_splits = {}
    names = TINY.vocab[-6:]
    for one, other, place, thing in product(names, names, PLACES, OBJECTS):
        if one != other:
            text = f"Then {one} and {other} went to the {place} {other} gave a {thing} to {one}"
            pair_splits.setdefault((one, other), []).append(text)
    for index, split in enumerate(TINY.splits):
        found = {*texts(TINY, drawn(TINY, 12 * BLOCK, split))}
        listed = set()
        for own in pair_splits.values():
            if TINY.split_of(quizzes(TINY, own[0]))[0] == index:
                listed |= {*own}
        assert found <= listed
        assert len(listed) == TINY.sizes()["abb"][index]
        assert len(found) > 0.98 * len(listed)


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({}, {"abb": (2600, 200, 200)}),
        ({"gap": 1}, {"abb": (2600 * 13**2, 200 * 13**2, 200 * 13**2)}),
        ({"prefix": 2}, {"abb": (2600 * 157, 200 * 157, 200 * 157)}),
        ({"tasks": ("abb", "abc")}, {"abb": (2600, 200, 200), "abc": (10400, 800, 800)}),
        ({"templates": 4}, {"abb": (2600 * 8, 200 * 4, 200 * 4)}),
        ({"distractors": 1}, {"abb": (2600 * 16, 200 * 16, 200 * 16)}),
        ({"distractors": 1, "tasks": ("twice", "repeat")}, {"twice": (20800, 1600, 1600)}),
    ],
)
def test_sizes(options, sizes):
    assert replace(TINY, **options).sizes() == sizes


def test_held_out_are_pairs_of_names_and_templates():
    for index, split in enumerate(WORLD.splits):
        batch = drawn(WORLD, 400, split)
        assert (WORLD.unit_split_of(batch) == index).all()
    units = [set(WORLD.units_of(drawn(WORLD, BLOCK, s))[:, 0].tolist()) for s in WORLD.splits]
    assert not units[0] & (units[1] | units[2])
    # A new pair in a known template is held out, and so is a known pair in a new one.
    train, test = drawn(WORLD, 1, "train"), drawn(WORLD, 1, "test")
    one, other = (WORLD.read(batch).sentences for batch in (train, test))
    mixed = replace(one, opening=other.opening, ending=other.ending)
    tokens = WORLD.codec.tokens(mixed)
    batch = QuizBatch(tokens, np.zeros(1, np.uint8), np.full(1, -1, np.int16))
    assert WORLD.unit_split_of(batch).tolist() == [[0, 1]]
    assert WORLD.split_of(batch).tolist() == [1]
    assert {task: counts.tolist() for task, counts in WORLD.units().items()} == {
        task: [3960, 495, 495] for task in ("abb", "bab", "abc")
    }


def test_one_template_leaves_pairs_alone_to_be_held_out():
    assert TINY.units_of(drawn(TINY, 5)).shape == (5, 1)
    assert "opening" not in TINY.groups
    assert WORLD.group_of(drawn(WORLD, 5))["opening"].min() >= 0
    for name, shown in WORLD.groups.items():
        assert len({*shown}) == len(shown), name


def test_the_answer_moves_and_the_sentence_with_it():
    batch = drawn(WORLD, 300)
    for layout in range(5):
        written = WORLD.arrange(batch, layout)
        answer = WORLD.answer_mask(written)
        assert (answer.argmax(axis=1) == WORLD.seq_len - 1 - layout).all()
        assert (answer.sum(axis=1) == 1).all()
        said = [[v for v in row if v] for row in written.tokens.tolist()]
        assert said == [[v for v in row if v] for row in batch.tokens.tolist()]
        assert (written.tokens[:, WORLD.seq_len - layout :] == 0).all()
        assert (WORLD.describe(written)["end"] == WORLD.seq_len - 2 - layout).all()
    assert set(WORLD.for_exam(batch).layout) == {*range(5)}


def test_blanks_are_learned_only_where_a_sentence_is_written():
    batch = WORLD.arrange(drawn(WORLD, 100), 2)
    part = WORLD.part_of(batch)
    assert np.array_equal(part == -1, batch.tokens == 0)
    writing = WORLD.arrange(batch, WORLD.writing_layout)
    assert np.array_equal(writing.tokens[:, 0], batch.tokens[WORLD.answer_mask(batch)])
    part = WORLD.part_of(writing)
    assert (part[:, 1:5] == -1).all()
    assert (part[:, 5:] == 1).all()


def test_a_text_weight_of_zero_is_a_classifier():
    world = replace(WORLD, text_weight=0.0)
    batch = world.for_exam(drawn(world, 50))
    weight = np.array([*(part.weight for part in world.parts), 0.0])[world.part_of(batch)]
    assert (weight.sum(axis=1) == 1).all()


def test_order_and_distances_are_told_apart():
    batch = quizzes(
        WORLD,
        GIVES,
        GIVES.replace("park John", "park soon still Mary quickly").replace("to Mary", "to John"),
        f"often again {GIVES}",
        "gave gave",
    )
    assert {name: values.tolist() for name, values in WORLD.describe(batch).items()} == {
        "prefix": [0, 0, 2, 0],
        "apart": [2, 2, 2, 0],
        "between": [5, 7, 5, 0],
        "distance": [4, 5, 4, 0],
        "first_gives": [0, 1, 0, 0],
        "end": [28, 28, 28, 0],
    }


def test_a_rule_explains_a_right_answer_and_no_other():
    batch = quizzes(
        WORLD,
        GIVES,
        GIVES.replace("John gave", "Mary gave").replace("to Mary", "to John"),
        GIVES.replace("John gave", "Lucy gave").replace("to Mary", "to them"),
        GIVES.replace("to Mary", "to John"),
        GIVES.replace("to Mary", "to them"),
        GIVES.replace("John gave", "Lucy gave"),
        "Mary soon kite park Mary soon kite park",
        "gave gave",
    )
    explained = WORLD.explain(batch)
    assert [each.kind for each in explained] == [ExplainedBy.TASK] * 3 + [ExplainedBy.NONE] * 5
    assert [each.tasks for each in explained[:3]] == [("abb",), ("bab",), ("abc",)]
    assert WORLD.follows(batch, "abb").tolist() == [True, *[False] * 7]
    assert WORLD.follows(batch, "repeat").tolist() == [*[False] * 6, True, False]
    answers = WORLD.rule_answers(batch)
    assert [len(rows) for rows in answers] == [1] * 7 + [0]
    assert [WORLD.vocab[rows[0, -1]] for rows in answers[:7]] == [
        *("Mary", "John", "them", "Mary", "Mary", "them", "park")
    ]
    assert WORLD.is_trivial(batch).tolist() == [*[False] * 7, True]
    assert WORLD.is_trivial(quizzes(WORLD, GIVES.replace("to Mary", "to park"))).all()
    with pytest.raises(UserError, match="unknown task 'cab'; known: abb"):
        WORLD.follows(batch, "cab")


def test_noise_leaves_who_gives_what_to_whom():
    batch = WORLD.for_exam(drawn(WORLD, 200))
    noisy = WORLD.corrupt(batch, 0.5, np.random.default_rng(0))
    changed = batch.tokens != noisy.tokens
    kinds = WORLD.codec.words.class_of
    assert set(kinds[batch.tokens[changed]]) == {2, 3, 4}
    assert np.array_equal(kinds[batch.tokens], kinds[noisy.tokens])
    assert all(each.kind is ExplainedBy.TASK for each in WORLD.explain(noisy))


def test_names_said_twice_are_an_exam_and_a_third_name_another():
    held_out, scenes = WORLD.held_out_world(), WORLD.other_scenes()
    assert held_out.tasks == ("twice",)
    for world in (held_out, scenes):
        assert (world.seq_len, world.vocab) == (WORLD.seq_len, WORLD.vocab)
        assert (world.distractors, world.prefix) == (1, 3)
        assert np.array_equal(world.origins, WORLD.origins)
        assert all(" as " in text for text in texts(world, drawn(world, 50, "test")))
    said = held_out.read(drawn(held_out, 50)).sentences
    assert np.array_equal(said.others[:, 0], said.answers)
    assert EVERY.held_out_world() is None
    assert replace(EVERY, tasks=("abb",)).held_out_world().prefix == 6
    assert TINY.held_out_world() is TINY.other_scenes() is None


def test_each_rung_of_the_ladder_has_one_thing_more():
    rungs = [NamesWorld(**options) for options in LADDER]
    assert [(world.names, world.templates, world.floats) for world in rungs] == [
        *((6, 1, 0), (100, 1, 0), (100, 1, 4), (100, 8, 4), (100, 8, 4))
    ]
    assert [len(world.tasks) for world in rungs] == [2, 2, 2, 3, 4]
    for world in rungs:
        for split in world.splits:
            assert len(drawn(world, 20, split)) == 20


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": 5}, "world.names must be 6 to 100, got 5"),
        ({"names": 101}, "world.names must be 6 to 100, got 101"),
        ({"templates": 2}, "world.templates must be 1, or 4 to 8, got 2"),
        ({"templates": 9}, "world.templates must be 1, or 4 to 8, got 9"),
        ({"prefix": -1}, "world.prefix must be 0 to 16, got -1"),
        ({"gap": 9}, "world.gap must be 0 to 8, got 9"),
        ({"floats": 17}, "world.floats must be 0 to 16, got 17"),
        ({"distractors": 5}, "world.distractors must be 0 to 4, got 5"),
        (
            {"names": 6, "distractors": 4},
            "world.distractors .4. needs world.names to be at least 8",
        ),
        ({"tasks": ()}, "world.tasks is empty"),
        ({"tasks": ("abb", "cab")}, "unknown task 'cab'; known: abb, bab, abc, twice, rep"),
        ({"tasks": ("abb", "abb")}, "world.tasks names a task twice: abb, abb"),
        ({"tasks": ("twice",)}, "world.tasks names twice, which needs world.distractors to be at"),
        ({"text_weight": -1.0}, "world.text_weight must be 0 or more and finite, got -1"),
    ],
)
def test_what_no_sentences_agree_with_is_refused_in_a_line(options, message):
    with pytest.raises(UserError, match=message) as refused:
        NamesWorld(**options)
    assert "\n" not in str(refused.value)
