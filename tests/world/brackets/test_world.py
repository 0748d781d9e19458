"""The brackets world: its shares are exact, its two readings agree, its rules judge anything."""

from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.brackets import every, quizzes
from world import ExplainedBy, QuizBatch, Stream, UserError, worlds
from world.brackets import BracketsWorld
from world.brackets.nesting import (
    BALANCED,
    EQUAL,
    KINDS,
    UNEQUAL,
    accepts,
    depths,
    heights,
    kinds_of,
    lengths,
    mirrored,
)
from world.brackets.scratch import NO, YES
from world.core.sampling import BLOCK
from world.core.world import split_by_hash

WORLD = BracketsWorld()
SMALL = BracketsWorld(length=12)
SCRATCHES = ("none", "count", "cancel")
STREAM = Stream(0, "brackets")


def drawn(world, count=BLOCK, split="train", weights=None):
    return world.draw(STREAM, 0, count, split, weights)


def equal_counts(world, batch):
    """bool [B]: unbalanced strings with as many opening as closing brackets."""
    return np.isin(kinds_of(world.strings(batch)), EQUAL)


def test_it_is_chosen_by_its_name():
    assert worlds["brackets"] is BracketsWorld
    assert (WORLD.seq_len, WORLD.vocab_size) == (43, 7)
    counting, cancelling = (replace(SMALL, scratch=name) for name in SCRATCHES[1:])
    assert (counting.seq_len, counting.vocab_size) == (15 + 12, 7 + 13 + 1)
    assert (cancelling.seq_len, cancelling.vocab_size) == (15 + 36, 8)


@pytest.mark.parametrize("scratch", SCRATCHES)
@pytest.mark.parametrize("unequal", ["random", "flip", "spread"])
def test_drawn_strings_are_what_their_task_says(scratch, unequal):
    world = replace(SMALL, scratch=scratch, unequal=unequal, equal_count_share=0.2)
    batch = drawn(world)
    strings = world.strings(batch)
    balanced = accepts("nested", strings)
    assert np.array_equal(balanced, batch.task == 0)
    assert balanced.mean() == pytest.approx(0.5, abs=0.06)
    assert np.array_equal(world.codec.verdicts(batch), np.where(balanced, YES, NO))
    size = lengths(strings)
    assert (size % 2 == 0).all()
    assert (size.min(), size.max()) == (2, 12)
    surplus = np.abs(heights(strings)[:, -1])[np.isin(kinds_of(strings), UNEQUAL)]
    assert set(surplus) == {2} if unequal == "flip" else len(set(surplus)) > 3


@pytest.mark.parametrize("share", [0.0, 0.01, 0.03, 0.1, 0.5, 1.0])
def test_the_share_of_equal_counts_is_exact(share):
    world = replace(SMALL, equal_count_share=share)
    ratios = []
    for block in range(4):
        batch = world.draw(STREAM, block * BLOCK, BLOCK, "train")
        unbalanced = int((batch.task == 1).sum())
        equal = int(equal_counts(world, batch).sum())
        assert abs(equal - share * unbalanced) < 1
        ratios.append(equal / unbalanced)
    assert np.mean(ratios) == pytest.approx(share, abs=1 / BLOCK)


def test_the_share_does_not_hang_on_how_often_tasks_are_drawn():
    world = replace(SMALL, equal_count_share=0.25)
    batch = drawn(world, weights=(1.0, 9.0))
    unbalanced = (batch.task == 1).sum()
    assert unbalanced > 0.85 * BLOCK
    assert abs(equal_counts(world, batch).sum() - 0.25 * unbalanced) < 1


def test_a_rare_share_is_right_in_the_long_run():
    """A tenth of a string a block: in every tenth block there is one."""
    world = replace(SMALL, equal_count_share=0.0002)
    batch = world.draw(STREAM, 0, 40 * BLOCK, "train")
    assert 1 <= equal_counts(world, batch).sum() <= 12


def test_strings_of_every_kind_can_be_drawn_alone():
    names = tuple(KINDS[kind] for kind in (*UNEQUAL, *EQUAL))
    world = replace(SMALL, tasks=names)
    for split in world.splits:
        batch = drawn(world, 500, split)
        kinds = np.array(KINDS)[kinds_of(world.strings(batch))]
        assert np.array_equal(np.array(names)[batch.task], kinds)


@pytest.mark.parametrize("lengths_", ["binomial", "uniform", "longest"])
def test_lengths(lengths_):
    world = BracketsWorld(shortest=10, length=30, lengths=lengths_)
    size = lengths(world.strings(drawn(world)))
    chances = {
        "binomial": np.array([1, 10, 45, 120, 210, 252, 210, 120, 45, 10, 1]) / 2**10,
        "uniform": np.full(11, 1 / 11),
        "longest": np.eye(11)[-1],
    }[lengths_]
    assert np.bincount(size, minlength=31)[10::2] / BLOCK == pytest.approx(chances, abs=0.06)


def test_balanced_strings_are_drawn_as_they_are_asked_for():
    """All of one length alike, strings that begin with a pair are 4,862 of 16,796 at 20 brackets:
    Catalan's numbers."""
    shares = {}
    for kind in ("walk", "uniform"):
        world = BracketsWorld(length=20, shortest=20, balanced=kind, tasks=("balanced",))
        strings = world.strings(drawn(world, 4000))
        shares[kind] = (strings[:, 1] == 2).mean()
    assert shares["walk"] == pytest.approx(0.5, abs=0.04)
    assert shares["uniform"] == pytest.approx(4862 / 16796, abs=0.04)


def test_depths_are_limited_and_deeper_strings_are_an_exam():
    world = BracketsWorld(length=20, shortest=8, shallowest=2, deepest=4, tasks=("balanced",))
    depth = depths(world.strings(drawn(world)))
    assert set(depth) == {2, 3, 4}
    assert np.bincount(depth)[2:] / BLOCK == pytest.approx(np.full(3, 1 / 3), abs=0.08)
    deeper = world.other_scenes()
    assert deeper.seq_len == world.seq_len
    found = set(depths(deeper.strings(drawn(deeper))))
    assert {5, 6, 7, 8} <= found <= {*range(5, 11)}
    assert WORLD.other_scenes() is None
    assert replace(world, deepest=10).other_scenes() is None


def test_what_is_held_out_is_what_a_count_cannot_tell():
    held_out = WORLD.held_out_world()
    assert held_out.tasks == ("dip", "dip_first")
    batch = drawn(held_out, 400, "test")
    assert equal_counts(held_out, batch).all()
    assert (held_out.codec.verdicts(batch) == NO).all()
    assert held_out.vocab == WORLD.vocab
    assert held_out.seq_len == WORLD.seq_len
    assert held_out.held_out_world() is None
    assert replace(WORLD, equal_count_share=0.01).held_out_world() is None
    assert BracketsWorld(tasks=("balanced", "dip")).held_out_world().tasks == ("dip_first",)


def test_a_string_and_its_mirror_image_are_one_quiz_and_of_one_split():
    strings = every(8)
    tokens = [SMALL.codec.tokens(np.pad(s, ((0, 0), (0, 4)))) for s in (strings, mirrored(strings))]
    zeros, task = np.zeros(256, np.uint8), np.full(256, -1, np.int16)
    one, other = (QuizBatch(each, zeros, task) for each in tokens)
    assert np.array_equal(SMALL.canonical_hash(one), SMALL.canonical_hash(other))
    assert np.array_equal(SMALL.units_of(one), SMALL.units_of(other))
    # 16 strings of eight are their own mirror image.
    assert len(np.unique(SMALL.canonical_hash(one))) == (256 + 16) // 2
    answer = SMALL.codec.answer
    turned = one.tokens.copy()
    turned[:, answer] = YES + NO - turned[:, answer]
    wrong = QuizBatch(turned, zeros, task)
    assert not np.isin(SMALL.canonical_hash(wrong), SMALL.canonical_hash(one)).any()
    assert np.array_equal(SMALL.split_of(wrong), SMALL.split_of(one))
    assert np.array_equal(SMALL.split_of(one), split_by_hash(SMALL.units_of(one))[:, 0])


def test_read_backwards_a_string_is_its_mirror_image():
    """The same tokens in the reverse order: what opens the one way closes the other."""
    batch = drawn(SMALL)
    back = SMALL.arrange(batch, 1)
    assert SMALL.directions == (0, 1)
    inside = back.tokens[:, 1 : SMALL.length + 1]
    for row, string in zip(inside.tolist(), mirrored(SMALL.strings(batch)).tolist(), strict=True):
        read = [3 - bracket for bracket in row if bracket]
        assert read == [bracket for bracket in string if bracket]
    assert (back.tokens[:, 0] == SMALL.vocab.index("end")).all()
    kind = SMALL.group_of(back)["kind"]
    assert np.array_equal(kind, kinds_of(mirrored(SMALL.strings(batch))))
    assert not np.array_equal(kind, SMALL.group_of(batch)["kind"])


def test_one_direction_where_it_is_asked_for_or_a_scratchpad_follows_it():
    for world in (replace(SMALL, backwards=False), replace(SMALL, scratch="count")):
        assert world.directions == (0,)
        assert [layout.name for layout in world.layouts] == ["string,verdict", "verdict,string"]


def test_the_verdict_alone_is_learned_unless_strings_have_a_weight():
    batch = SMALL.for_exam(drawn(SMALL, 100))
    weight = np.array([*(part.weight for part in SMALL.parts), 0.0])[SMALL.part_of(batch)]
    assert (weight.sum(axis=1) == 1).all()
    assert (weight[:, -1] == 1).all()
    modelled = replace(SMALL, string_weight=0.25)
    weight = np.array([*(part.weight for part in modelled.parts), 0.0])[modelled.part_of(batch)]
    size = lengths(SMALL.strings(batch))
    # A blank tells that a string has ended, unless it fills its room.
    assert np.array_equal(weight.sum(axis=1), 1 + 0.25 * np.minimum(size + 1, 12))


def test_everything_of_a_scratchpad_is_graded():
    world = replace(SMALL, scratch="count")
    batch = quizzes(world, "(())", "())(", "()" * 6)
    graded = np.array([*(part.graded for part in world.parts), False])[world.part_of(batch)]
    assert graded.sum(axis=1).tolist() == [5, 4, 13]
    assert (world.answer_mask(batch).sum(axis=1) == 13).all()


def test_what_an_agent_wrote_is_made_well_formed():
    world = replace(SMALL, scratch="cancel")
    batch = quizzes(world, "(())", "(())")
    tokens = batch.tokens.copy()
    tokens[0, 7] = 1  # a bracket behind the end of the string
    tokens[0, world.codec.answer + 6] = 7  # and one behind the verdict
    broken = QuizBatch(tokens, batch.layout, batch.task)
    assert np.array_equal(world.tidy(broken).tokens, batch.tokens)
    assert np.array_equal(world.strings(broken), world.strings(batch))
    tokens[1, world.codec.answer] = 0
    assert world.is_trivial(world.tidy(QuizBatch(tokens, batch.layout, batch.task))).tolist() == [
        False,
        True,
    ]


def test_no_string_an_odd_one_or_no_verdict_asks_for_nothing():
    batch = quizzes(SMALL, "", "(", "()", "(()", "((")
    assert SMALL.is_trivial(batch).tolist() == [True, True, False, True, False]
    tokens = batch.tokens.copy()
    tokens[:, -1] = 0
    assert SMALL.is_trivial(QuizBatch(tokens, batch.layout, batch.task)).all()


def test_a_rule_explains_a_right_verdict_on_any_string():
    batch = quizzes(WORLD, "()", "())(", ")(", "((", "()" * 20)
    explained = WORLD.explain(batch)
    assert {each.kind for each in explained} == {ExplainedBy.TASK}
    assert [each.tasks[0] for each in explained] == ["balanced", *["unbalanced"] * 3, "balanced"]
    tokens = batch.tokens.copy()
    tokens[:, -1] = YES + NO - tokens[:, -1]
    wrong = QuizBatch(tokens, batch.layout, batch.task)
    assert {each.kind for each in WORLD.explain(wrong)} == {ExplainedBy.NONE}
    assert WORLD.follows(batch, "balanced").tolist() == [True, False, False, False, True]
    assert WORLD.follows(batch, "dip").tolist() == [False, True, False, False, False]
    assert not any(WORLD.follows(wrong, name).any() for name in ("balanced", "unbalanced"))
    for answers, tokens in zip(WORLD.rule_answers(wrong), batch.tokens, strict=True):
        assert np.array_equal(answers, tokens[None])
    with pytest.raises(UserError, match="unknown task 'deep'; known: balanced, unbalanced, count"):
        WORLD.follows(batch, "deep")


def test_quizzes_are_described():
    batch = quizzes(WORLD, "(())", "())(", ")))(", "(((")
    assert {name: values.tolist() for name, values in WORLD.describe(batch).items()} == {
        "length": [4, 4, 4, 3],
        "surplus": [0, 0, 2, 3],
        "depth": [2, 1, 0, 3],
        "dip": [0, 1, 3, 0],
        "closes_first": [0, 0, 1, 0],
    }
    assert all(len(values) == 0 for values in WORLD.describe(batch[:0]).values())


@pytest.mark.parametrize("scratch", SCRATCHES)
def test_a_swap_turns_the_verdict_and_no_count(scratch):
    world = replace(SMALL, scratch=scratch, equal_count_share=0.3)
    batch = drawn(world, 300)
    for kind in world.counterfactuals:
        pairs = world.counterfactual(batch, kind, np.random.default_rng(0))
        clean, changed = world.strings(pairs.clean), world.strings(pairs.changed)
        differ = (clean != changed).sum(axis=1)
        assert set(differ) == ({2} if kind == "swap" else {1})
        assert (accepts("nested", clean) != accepts("nested", changed)).all()
        same = heights(clean)[:, -1] == heights(changed)[:, -1]
        assert same.all() if kind == "swap" else not same.any()
        for side in (pairs.clean, pairs.changed):
            assert {each.kind for each in world.explain(side)} == {ExplainedBy.TASK}
            assert np.array_equal(side.task == 0, accepts("nested", world.strings(side)))
    # Every balanced string can be swapped out of balance.
    swapped = world.counterfactual(batch, "swap", np.random.default_rng(0))
    assert (swapped.clean.task == 0).sum() == (batch.task == 0).sum()
    assert (swapped.clean.task == 1).sum() > 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 9}, "world.length must be even, 4 to 64, got 9"),
        ({"length": 66}, "world.length must be even, 4 to 64, got 66"),
        ({"shortest": 3}, "world.shortest must be even, 2 to world.length .40., got 3"),
        ({"shortest": 42}, "world.shortest must be even, 2 to world.length .40., got 42"),
        ({"shallowest": 2}, "world.shallowest .2. must be at most half of world.shortest .2.: no"),
        ({"deepest": 21}, "world.deepest .21. must be at most half of world.length .40.: no str"),
        ({"shortest": 20, "shallowest": 5, "deepest": 4}, "world.shallowest .5. must be 0 or more"),
        ({"deepest": -1}, "at most world.deepest .-1., which 0 leaves open"),
        ({"deepest": 3, "balanced": "uniform"}, "need world.balanced walk"),
        ({"equal_count_share": 1.1}, r"world.equal_count_share must be in \[0, 1\], got 1.1"),
        (
            {"equal_count_share": 0.1, "tasks": ("balanced", "count")},
            r"world.equal_count_share \(0.1\) is a share of the task unbalanced, which is not am",
        ),
        ({"tasks": ()}, "world.tasks is empty"),
        ({"tasks": ("balanced", "deep")}, "unknown world.tasks 'deep'; known: balanced, unbal"),
        ({"tasks": ("unbalanced", "dip")}, "world.tasks draws dip twice: unbalanced, dip"),
        ({"string_weight": -1.0}, "world.string_weight must be 0 or more and finite, got -1"),
        ({"scratch": "cancel"}, "world.scratch 'cancel' takes 400 tokens for world.length 40"),
    ],
)
def test_what_no_strings_agree_with_is_refused_in_a_line(options, message):
    with pytest.raises(UserError, match=message) as refused:
        BracketsWorld(**options)
    assert "\n" not in str(refused.value)


def test_too_few_strings_for_a_split_are_told():
    tiny = BracketsWorld(length=4, tasks=("dip",))
    held_out = [split for split in tiny.splits if split != splits_of(tiny, "())(")]
    with pytest.raises(UserError, match="this world has too few strings of kind dip; make it"):
        drawn(tiny, 1, held_out[0])


def splits_of(world, text):
    return world.splits[int(world.split_of(quizzes(world, text))[0])]


def test_balanced_is_kind_zero():
    assert KINDS[BALANCED] == "balanced"
