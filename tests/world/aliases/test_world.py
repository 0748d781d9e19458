"""Rows as they are drawn, read and judged, whoever wrote them."""

import numpy as np
import pytest

from world import UNKNOWN_TASK, ExplainedBy, QuizBatch, Stream, UserError
from world.aliases import AliasesWorld

WORLD = AliasesWorld(modulus=13)
STREAM = Stream(0, "aliases")


def rows(*texts, world=WORLD):
    """A batch of rows as they are said, such as "true 2 3 = 0"."""
    value = {word: k for k, word in enumerate(world.vocab)}
    tokens = np.array([[value[word] for word in text.split()] for text in texts])
    count = len(texts)
    return QuizBatch(
        tokens.astype(world.token_dtype),
        np.zeros(count, np.uint8),
        np.full(count, UNKNOWN_TASK, np.int16),
    )


def said(world, batch):
    """What rows say, as text."""
    return [" ".join(world.vocab[k] for k in row) for row in batch.tokens.tolist()]


def drawn(world, split="train", count=3000, task=None):
    """Rows as text, of one task or of all."""
    weights = None if task is None else [float(name == task) for name in world.tasks]
    return said(world, world.draw(STREAM, 0, count, split, weights))


def test_every_row_that_is_drawn_is_true():
    for row in drawn(WORLD):
        head, x, y, _, z = row.split()
        if head == "define":
            assert x == "define"
            assert y.rstrip("'") == z.rstrip("'")
            assert y != z
        else:
            assert len({letter.endswith("'") for letter in (x, y, z)}) == 1
            x, y, z = (int(letter.rstrip("'")) for letter in (x, y, z))
            assert z == (x * x + y * y) % 13


def test_a_split_has_all_its_cells_and_none_of_another():
    for table, task in enumerate(("numbers", "aliases")):
        cells = []
        for index, split in enumerate(WORLD.splits):
            found = {
                tuple(row.replace("'", "").split()[1:3]) for row in drawn(WORLD, split, task=task)
            }
            wanted = np.argwhere(WORLD.material.splits[table] == index)
            assert {tuple(map(str, cell)) for cell in wanted.tolist()} == found
            cells.append(found)
        assert len(set.union(*cells)) == 169


def test_links_are_drawn_as_they_are_said_to_be():
    def links(kind):
        return {
            tuple(row.split()[2::2])
            for row in drawn(AliasesWorld(modulus=13, links=kind), task="links")
        }

    every = {(str(n), f"{n}'") for n in range(13)}
    assert links("all") == every | {(b, a) for a, b in every}
    assert links("one_way") == every
    half = {pair for pair in links("half") if not pair[0].endswith("'")}
    assert len(half) == 6
    assert half < every
    assert links("half") == half | {(b, a) for a, b in half}
    deranged = links("deranged")
    assert len(deranged) == 26
    assert deranged == {(b, a) for a, b in deranged}
    assert all(a.rstrip("'") != b.rstrip("'") for a, b in deranged)


def test_links_with_tags_say_which_are_reliable():
    world = AliasesWorld(modulus=13, links="tagged")
    material = world.material
    assert len(world.vocab) == len(WORLD.vocab) + 2
    found = {tuple(row.split()) for row in drawn(world, task="links")}
    pairs = [(str(n), f"{material.partner[n]}'") for n in range(13)]
    tags = ["reliable" if reliable else "unreliable" for reliable in material.reliable]
    wanted = {
        ("define", tag, *both)
        for tag, (a, b) in zip(tags, pairs, strict=True)
        for both in ((a, "=", b), (b, "=", a))
    }
    assert found == wanted
    batch = rows(*(" ".join(row) for row in sorted(wanted)), world=world)
    assert world.follows(batch, "links").all()
    assert not world.is_trivial(batch).any()
    assert len(np.unique(world.units_of(batch))) == 13
    assert world.allowed[0][[1, 2], [-1, -1]].tolist() == [True, False]
    other = {"reliable": "unreliable", "unreliable": "reliable"}
    wrong = [" ".join((head, other[tag], *rest)) for head, tag, *rest in sorted(wanted)]
    plain = rows(*wrong, "define define 2 = 2'", world=world)
    assert world.is_trivial(plain).all()
    assert WORLD.is_trivial(rows("define true 2 = 2'")).all()
    assert world.labels(batch)["letter"][0].tolist()[:2] == [-1, -1]
    assert world.wording.phrase("letter", 12) == "stands for 12"
    assert len(world.view.palette) == len(world.vocab)


def test_no_link_is_held_out():
    assert WORLD.tasks_in("train") == (0, 1, 2)
    assert WORLD.tasks_in("test") == WORLD.tasks_in("sae") == (0, 1)
    assert not any("define" in row for split in ("test", "sae") for row in drawn(WORLD, split))
    with pytest.raises(UserError, match="the split 'test' has nothing of links"):
        drawn(WORLD, "test", task="links")
    links = rows("define define 3 = 3'", "define define 3 = 4'")
    assert not WORLD.split_of(links).any()


def test_a_cell_has_one_split_whatever_is_answered_and_its_twins_share_it():
    batch = rows("true 2 3 = 0", "true 2 3 = 5", "true 3 11 = 0", "true 10 2 = 1")
    assert len(np.unique(WORLD.units_of(batch))) == 1
    assert len(np.unique(WORLD.split_of(batch))) == 1
    alone = AliasesWorld(modulus=13, hold_out="cells")
    assert len(np.unique(alone.units_of(batch))) == 3
    other = rows("true 2 3 = 0", "true 2' 3' = 0'", "define define 2 = 2'")
    assert len(np.unique(WORLD.units_of(other))) == 3
    links = rows("define define 2 = 2'", "define define 2' = 2")
    assert len(np.unique(WORLD.units_of(links))) == 1


def test_rows_that_are_none_are_told():
    none = rows(
        "true 2 3' = 0",
        "true define 3 = 0",
        "define 2 3 = 0",
        "true 2 3 2 0",
        "start 2 3 = 0",
    )
    assert WORLD.is_trivial(none).all()
    assert {each.kind for each in WORLD.explain(none)} == {ExplainedBy.NONE}
    assert all(len(answers) == 0 for answers in WORLD.rule_answers(none))
    assert (WORLD.labels(none)["role"] == -1).all()
    # The wrong alphabet, or no letter, is no answer; a wrong letter is.
    odd = rows("true 2 3 = 0'", "define define 2 = 2", "true 2 3 = define", "true 2 3 = 7")
    assert WORLD.is_trivial(odd).tolist() == [True, True, True, False]


def test_rules_judge_any_row():
    batch = rows("true 2 3 = 0", "true 2' 3' = 0'", "define define 4 = 4'", "true 2 3 = 1")
    found = WORLD.explain(batch)
    assert [each.kind for each in found] == [ExplainedBy.TASK] * 3 + [ExplainedBy.NONE]
    assert [each.tasks for each in found[:3]] == [("numbers",), ("aliases",), ("links",)]
    right = rows("true 2 3 = 0", "true 2' 3' = 0'", "define define 4 = 4'", "true 2 3 = 0")
    for answers, tokens in zip(WORLD.rule_answers(batch), right.tokens, strict=True):
        assert answers.tolist() == [tokens.tolist()]
    assert WORLD.follows(batch, "numbers").tolist() == [True, False, False, False]
    with pytest.raises(UserError, match="unknown task 'none'"):
        WORLD.follows(batch, "none")
    deranged = AliasesWorld(modulus=13, links="deranged")
    assert not deranged.follows(rows("define define 4 = 4'"), "links").any()


def test_what_counts_is_the_answer_by_kind_of_row():
    world = AliasesWorld(modulus=13, weights=(1.0, 0.5, 0.25))
    batch = rows("true 2 3 = 0", "true 2' 3' = 0'", "define define 4 = 4'", "true 2 3' = 0")
    weights = np.array([part.weight for part in world.parts])[world.part_of(batch)]
    assert weights.tolist() == [[0, 0, 0, 0, w] for w in (1.0, 0.5, 0.25, 1.0)]
    written = world.arrange(batch, world.writing_layout)
    weights = np.array([part.weight for part in world.parts])[world.part_of(written)]
    assert weights.tolist() == [[0.1, 0.1, 0.1, 0, 0.1]] * 4


def test_exchanged_rows_are_one_quiz_where_that_changes_nothing():
    batch = rows("true 2 3 = 0", "true 3 2 = 0", "true 2 3 = 1", "define define 2 = 2'")
    assert len(np.unique(WORLD.canonical_hash(batch))) == 3
    minus = AliasesWorld(modulus=13, operation="difference")
    assert len(np.unique(minus.canonical_hash(batch))) == 4


def test_evidence_is_grouped():
    batch = WORLD.draw(STREAM, 0, 500, "test")
    groups = WORLD.group_of(batch)
    assert (groups["twins"] == 0).all()  # held out together
    x, y = (batch.tokens[:, k].astype(int) - 4 for k in (1, 2))
    in_numbers = x < 13
    x, y = x % 13, y % 13
    other = np.where(in_numbers, WORLD.material.splits[1][x, y], WORLD.material.splits[0][x, y])
    assert np.array_equal(groups["other table"], other > 0)
    assert (WORLD.describe(batch)["twins"] == 0).all()
    alone = AliasesWorld(modulus=13, hold_out="cells")
    held_out = alone.draw(STREAM, 0, 500, "test")
    assert np.array_equal(alone.group_of(held_out)["twins"], alone.describe(held_out)["twins"] > 0)
    assert alone.describe(held_out)["twins"].max() == 7
    assert (WORLD.group_of(rows("define define 2 = 2'"))["twins"] == -1).all()


def test_labels_say_what_letters_stand_for():
    labels = WORLD.labels(rows("true 2' 3' = 0'", "define define 4 = 4'"))
    words = WORLD.wording
    assert labels["letter"].tolist() == [[-1, 2, 3, -1, 0], [-1, -1, 4, -1, 4]]
    assert labels["alphabet"].tolist() == [[-1, 1, 1, -1, 1], [-1, -1, 0, -1, 1]]
    assert labels["x"].tolist() == [[2] * 5, [-1] * 5]
    assert labels["z"].tolist() == [[0] * 5, [4] * 5]
    assert words.phrase("role", labels["role"][0, 2]) == "is y"
    assert words.phrase("z", 0) == "is in a row whose answer stands for 0"


def test_one_thing_is_changed_in_a_pair():
    batch = WORLD.draw(STREAM, 0, 400, "train")
    changes = {"x": [1], "y": [2], "alphabet": [1, 2]}
    for kind, places in changes.items():
        pairs = WORLD.counterfactual(batch, kind, np.random.default_rng(0))
        differ = pairs.clean.tokens != pairs.changed.tokens
        assert differ[:, [*places, 4]].all()
        assert differ.sum(axis=1).max() == len(places) + 1
        assert WORLD._right(pairs.changed, WORLD.read(pairs.changed)).all()
        assert (pairs.changed.task >= 0).all()


def test_by_heart_a_twin_is_known_and_nothing_else():
    seen = rows("true 2 3 = 0", "define define 4 = 4'")
    exam = rows(
        "true 3 11 = 0", "true 2' 3' = 0'", "define define 4 = 4'", "define define 4' = 4",
        "true 2 3 = 1",
    )  # fmt: skip
    assert WORLD.by_heart(seen, exam).tolist() == [True, False, True, False, False]
    assert not WORLD.by_heart(seen[:0], exam).any()
    held_out = WORLD.draw(STREAM, 0, 300, "test")
    assert not WORLD.by_heart(WORLD.draw(STREAM, 0, 3000, "train"), held_out).any()


def test_the_largest_table_of_the_source_is_drawn():
    world = AliasesWorld(modulus=997, hold_out="cells")
    assert world.token_dtype == np.uint16
    batch = world.draw(STREAM, 0, 200, "test")
    assert (world.split_of(batch) == 1).all()
    assert world.follows(batch, "numbers").sum() == (batch.task == 0).sum()
