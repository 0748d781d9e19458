"""Populations whose agents train on different cells: what is kept, and what is learned."""

from __future__ import annotations

from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import torch

from agents.checkpoint import read_model
from agents.training import Learner
from culture_sim.culture.records import quizzes_of, votes_of
from culture_sim.culture.rules.four_of_five import FourOfFive
from culture_sim.culture.store import CultureStore
from culture_sim.culture.votes import Decision
from culture_sim.experiments.aliases import Aliases, rounds
from culture_sim.experiments.aliases.apart import EXAM, NOBODY, OTHERS, POOLED
from culture_sim.experiments.aliases.claims_culture import judge_culture
from culture_sim.experiments.aliases.member import CHECKPOINT, learn, read_answers
from culture_sim.experiments.aliases.rounds import (
    ARMS,
    KNOWN,
    NONE,
    independent,
    read_rounds,
    rows_figures,
    taken_up,
)
from culture_sim.experiments.runs import one_lesson
from culture_sim.experiments.units import Place, make
from tests.culture_sim.experiments.aliases.made_up import OPTIONS, told
from world import Stream

QUICK = Aliases.quick()
P = 13


def test_every_cell_is_owned_by_so_many_and_twins_by_the_same():
    for owners, missing in ((4, 0.6), (1, 0.9), (2, 0.7)):
        allotment = Aliases(owners=owners, missing=missing).allotment(1)
        material, trained = allotment.world.material, allotment.trained[:POOLED]
        owned = trained.sum(axis=0)
        assert set(np.unique(owned)) == {0, owners}
        assert np.array_equal(allotment.trained[POOLED], owned > 0)
        assert not owned[material.splits[0] > 0].any()
        assert trained.mean(axis=(1, 2)) == pytest.approx([1 - missing] * 5, abs=0.01)
        of_orbit = {}
        for orbit, who in zip(material.orbits.ravel(), trained.reshape(5, -1).T, strict=True):
            assert of_orbit.setdefault(orbit, tuple(who)) == tuple(who)
        kinds = allotment.cells(2)
        assert len(kinds[EXAM]) == (material.splits[0] > 0).sum()
        assert sum(map(len, kinds.values())) + len(allotment.own(2)) == 97**2
        assert len(allotment.cells(POOLED)[OTHERS]) == 0
    assert (Aliases().allotment(0).trained != Aliases().allotment(1).trained).any()


def test_an_agent_draws_right_rows_of_its_own_cells_alone():
    allotment = QUICK.allotment(0)
    draw = allotment.draw(3, Stream(0, "x"))
    batch = draw(0, 3000)
    reading = allotment.world.read(batch)
    assert {*zip(reading.x.tolist(), reading.y.tolist(), strict=True)} == {
        tuple(cell) for cell in allotment.own(3).tolist()
    }
    assert ((reading.x**2 + reading.y**2) % P == reading.z).all()
    assert np.array_equal(draw(0, 3000).tokens, batch.tokens)
    assert not np.array_equal(draw(3000, 3000).tokens, batch.tokens)


def voted_table(allotment, cells, answers, solved, keep):
    """A round's table, of as much as is looked at. cells: (x, y); solved: [B, 5]."""
    batch = allotment.world.rows("numbers", np.array(cells))
    tokens = batch.tokens.copy()
    tokens[:, 4] = np.array(answers) + 4
    split = allotment.world.split_of(batch) > 0
    shape = np.array(solved).shape

    def lists(values, *sizes):
        column = pa.array(np.asarray(values).ravel())
        for size in reversed(sizes):
            column = pa.FixedSizeListArray.from_arrays(column, size)
        return column

    return pa.table(
        {
            "tokens": lists(tokens, 5),
            "keep": keep,
            "split": ["culture_test" if held_out else "culture_train" for held_out in split],
            "solved": lists(solved, 5, 1),
            "wrong_tokens": lists(np.zeros(shape, np.uint16), 5, 1),
            "log_prob": lists(np.zeros(shape, np.float32), 5, 1),
            "proposer": pa.array(np.zeros(len(cells), np.int16)),
            "voted": lists(np.ones(shape, np.bool_), 5),
            "probability": lists(np.zeros(shape, np.float32), 5),
        }
    )


@pytest.fixture
def voted():
    """Five rows: of a cell some know, right and wrong; of nobody's, right; of the exam, twice."""
    allotment = QUICK.allotment(0)
    known = allotment.own(0)[0].tolist()
    nobody = allotment.cells(0)[NOBODY][0].tolist()
    exam = allotment.cells(0)[EXAM][0].tolist()
    cells = [known, known, nobody, exam, exam]
    right = [(x * x + y * y) % P for x, y in cells]
    answers = [right[0], (right[1] + 1) % P, right[2], right[3], (right[4] + 1) % P]
    solved = np.ones((5, 5), dtype=np.bool_)
    solved[0, 4] = solved[1, 3] = solved[1, 4] = solved[3, 0] = False
    keep = [True, True, False, True, False]
    return allotment, voted_table(allotment, cells, answers, solved, keep)


def test_rows_are_counted_by_who_knows_their_cell(voted):
    figures = rows_figures(*voted)
    assert figures[KNOWN]["voted"] == [2, 1]
    assert figures[KNOWN]["kept"] == [2, 1]
    assert figures[NOBODY] == {"voted": [1, 1], "kept": [0, 0], "independent": 0.0}
    assert figures[EXAM]["voted"] == [2, 1]
    assert figures[EXAM]["kept"] == [1, 1]
    assert figures[NONE] == {"voted": [0, 0], "kept": [0, 0], "independent": None}
    # Of the two rows that some know, agents 3 and 4 pass one and none.
    assert figures[KNOWN]["independent"] == pytest.approx(0.5)


def test_agents_that_are_of_their_own_mind_agree_by_chance():
    rates = np.array([0.9, 0.2, 0.5, 0.7, 0.4])
    total = 0.0
    for passes in product((0, 1), repeat=5):
        if sum(passes) == 4:
            total += np.prod([r if p else 1 - r for r, p in zip(rates, passes, strict=True)])
    assert independent(rates) == pytest.approx(total)


def test_what_is_taken_up_was_taught_and_not_answered_before(voted, monkeypatch):
    """Row 0 failed one agent, row 1 two; that of the exam is kept, and taught to none."""
    allotment, table = voted
    now = {"right": [True, False], "all": [True, True]}

    class Scores:
        def __init__(self, correct):
            self.correct = np.array(correct)

    monkeypatch.setattr(rounds, "score", lambda model, *_: Scores(now[model]))
    models = ["right"] * 4 + ["all"]
    assert taken_up(allotment, table, models) == {"right": [1, 1], "wrong": [1, 2]}
    none = table.slice(2, 1)
    assert taken_up(allotment, none, models) == {"right": [0, 0], "wrong": [0, 0]}


def keep_all(self, votes):
    """A rule that keeps every row."""
    none = np.full(len(votes), -1, dtype=np.int16)
    return Decision(np.ones(len(votes), dtype=np.bool_), none, ["kept"] * len(votes))


@pytest.mark.slow
def test_a_population_goes_through_its_rounds(tmp_path, monkeypatch):
    """Every arm votes on the same rows, all of which are kept here; one that is cut off in a lesson
    ends as it would have."""
    monkeypatch.setattr(FourOfFive, "__call__", keep_all)
    place = Place(tmp_path / "units")
    for member in QUICK.members(0):
        make(place, member)
    by_arm = {unit.arm: unit for unit in QUICK.rounds_of(0)}
    assert list(by_arm) == list(ARMS)
    for arm in ("none", "full"):
        make(place, by_arm[arm])
    found = {arm: read_rounds(place, by_arm[arm]) for arm in ("none", "full")}
    assert [told["round"] for told in found["full"]] == [0, 1]
    before = [read_answers(place, member) for member in QUICK.members(0)[:5]]
    assert found["full"][0] == found["none"][0] == {"round": 0, "answers": before}
    stored = [CultureStore(place.of(by_arm[arm]) / "culture").table(1) for arm in ("none", "full")]
    rows = [quizzes_of(table).tokens for table in stored]
    assert np.array_equal(*rows)
    counts = found["full"][1]["rows"]
    assert sum(counts[kind]["voted"][0] for kind in counts) == len(rows[0]) > 0
    kept = stored[1].filter(pc.equal(stored[1]["split"], "culture_train"))
    assert 0 < len(kept) < len(rows[0])
    for arm in ("none", "full"):
        missed = [total for _, total in found[arm][1]["taken up"].values()]
        assert sum(missed) == int((~votes_of(kept).solves).sum()) > 0
    # Without culture, agents go on with their own cells; with some, with other rows.
    member = QUICK.members(0)[2]
    alone = member.learner(one_lesson(member.train, 160))
    alone.load(place.of(member) / CHECKPOINT)
    learn(alone, member.allotment.draw(2, alone.stream), "alone")
    after = {arm: read_model(place.of(by_arm[arm]) / "agents/2") for arm in ("none", "full")}
    for name, weight in alone.averaged.state_dict().items():
        assert torch.equal(after["none"][name], weight)
    assert any(not torch.equal(after["full"][name], after["none"][name]) for name in after["none"])
    saved = Learner.save

    def once(self, path, state):
        saved(self, path, state)
        raise KeyboardInterrupt

    cut = place.folder / "rounds-whole"
    place.of(by_arm["full"]).rename(cut)
    monkeypatch.setattr(Learner, "save", once)
    with pytest.raises(KeyboardInterrupt):
        make(place, by_arm["full"])
    monkeypatch.setattr(Learner, "save", saved)
    make(place, by_arm["full"])
    assert read_rounds(place, by_arm["full"]) == found["full"]


def populations(**by_arm):
    """What three populations told in each arm: by arm, cells of others answered, and of wrong
    rows taken up, of 100 each; by the seed one more."""
    return {
        unit: [told(0, 10, 0), told(1, *(value + unit.seed for value in by_arm[unit.arm]))]
        for seed in range(3)
        for unit in OPTIONS.rounds_of(seed)
    }


@pytest.mark.parametrize(
    ("full", "answers"),
    [
        ((60, 40), ["confirmed", "confirmed", "confirmed", "confirmed"]),
        ((30, 10), ["confirmed", "refuted", "confirmed", "refuted"]),
        ((10, 40), ["refuted", "refuted", "confirmed", "confirmed"]),
    ],
)
def test_verdicts_of_culture_follow_the_figures(full, answers):
    found = populations(none=(12, 10), random_filter=(30, 30), full=full)
    assert [verdict.answer for verdict in judge_culture(found)] == answers
    few = dict(list(found.items())[:6])
    assert {verdict.answer for verdict in judge_culture(few)} == {"open"}
    assert {verdict.answer for verdict in judge_culture({})} == {"open"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"owners": 5}, "--owners must be 1 to 4, got 5"),
        ({"missing": 0.2}, r"--missing must be above 0.28 where 4 of 5 train on a cell, got 0.2"),
        ({"owners": 1}, "--missing must be above 0.82 where 1 of 5"),
        ({"modulus": 5, "shares": (0.5,)}, "too few cells"),
        ({"member_steps": 150}, r"--member-steps \(150\) must be a multiple of --look \(100\)"),
        ({"rounds": 0}, "aliases.rounds must be at least 1"),
        ({"missing": 1.5}, "aliases.missing"),
    ],
)
def test_populations_that_cannot_be_are_refused(options, says):
    with pytest.raises(ValueError, match=says):
        Aliases(**options)
