"""A planted number is found where it stands and not before; controls catch what is not there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from agents.circuits.probes import (
    ProbeOptions,
    Target,
    at,
    each_position,
    fit_probe,
    fit_shuffled,
    probe_sites,
)
from agents.circuits.probes.harvest import vectors
from tests.helpers.sign_voter import LAST
from world.core.batch import concatenate
from world.core.errors import UserError

BEFORE, AFTER = "blocks.0.hook_resid_pre", "blocks.0.hook_resid_mid"
FEW = ProbeOptions(permutations=2, resamples=50)


@pytest.fixture(scope="module")
def total(sums):
    return Target.of_quizzes("total", "number", sums, 12)


@pytest.fixture(scope="module")
def answer():
    """The position that has read all signs."""
    return {"answer": at(np.full(200, LAST), 12)}


def value(table, probe="agent", minus="", split="folds", **columns):
    """The one value of a table in a row of these columns."""
    asked = {"probe": probe, "minus": minus, "split": split, **columns}
    rows = table[(table[list(asked)] == pd.Series(asked)).all(axis=1)]
    assert len(rows) == 1, asked
    return float(rows["value"].iloc[0])


def test_a_number_is_found_where_it_stands_and_not_before(voter, signs, total, answer):
    table = probe_sites(voter, signs, [total], places=answer, options=FEW)
    assert list(table["site"].unique()) == [
        BEFORE,
        *(f"blocks.{layer}.hook_resid_{part}" for layer in (0, 1) for part in ("mid", "post")),
    ]
    assert value(table, site=BEFORE) < 0.3
    assert value(table, site=AFTER) > 0.99
    assert value(table, site="blocks.1.hook_resid_post") > 0.99
    assert value(table, "shuffled", site=AFTER) < 0.1
    assert value(table, "agent", "shuffled", site=AFTER) > 0.9
    assert value(table, "position", site=AFTER) == pytest.approx(0, abs=0.1)
    plain = table[table.minus == ""]
    assert ((plain.low <= plain.value) & (plain.value <= plain.high)).all()
    assert {*table.tokens} == {200}


def test_a_class_is_found_where_it_stands_and_not_before(voter, signs, sums, answer):
    more = Target.of_quizzes("more", "class", sums > 0, 12)
    table = probe_sites(voter, signs, [more], [BEFORE, AFTER], answer, options=FEW)
    assert value(table, site=AFTER, metric="auroc") > 0.99
    assert value(table, site=AFTER, metric="balanced_accuracy") > 0.95
    assert value(table, site=BEFORE, metric="auroc") < 0.8
    assert value(table, "shuffled", site=AFTER, metric="auroc") < 0.7


def test_what_the_position_tells_is_caught(untrained, quizzes):
    """Every network has its positions; a number that is a function of them is no finding."""
    place = Target("place", "number", np.broadcast_to(np.arange(12.0), (120, 12)).copy())
    site = "blocks.1.hook_resid_post"
    table = probe_sites(untrained, quizzes, [place], [site], options=FEW)
    assert value(table) > 0.9
    assert value(table, "position") > 0.99
    assert value(table, "agent", "position") < 0.01
    assert value(table, "agent", "shuffled") == pytest.approx(0, abs=0.01)


def test_what_else_is_known_is_caught(voter, signs, answer):
    coin = np.random.default_rng(0).integers(0, 4, size=200)
    target = Target.of_quizzes("coin", "number", coin, 12)
    by_token = np.repeat(coin[:, None], 12, axis=1)
    given = {"by quiz": coin, "by token": by_token}
    table = probe_sites(voter, signs, [target], [AFTER], answer, given=given, options=FEW)
    assert value(table, "by quiz") == value(table, "by token") > 0.95
    assert value(table) < 0.1 > value(table, "position")


def test_an_untrained_network_stands_beside_on_the_same_resamples(voter, signs, total, answer):
    table = probe_sites(voter, signs, [total], [AFTER], answer, untrained=voter, options=FEW)
    assert value(table, "untrained") == value(table)
    row = table[table.minus == "untrained"].iloc[0]
    assert (row.value, row.low, row.high) == (0, 0, 0)


def test_held_out_quizzes_are_scored_by_probes_of_the_others(voter, signs, sums, answer):
    """Their sums are told the other way round, which no probe of the others can know."""
    held = np.arange(200) < 50
    turned = Target.of_quizzes("total", "number", np.where(held, -sums, sums), 12)
    table = probe_sites(voter, signs, [turned], [AFTER], answer, held_out=held, options=FEW)
    assert value(table) > 0.99
    assert value(table, split="held out") < -2


def test_equal_quizzes_are_one_group(voter, signs, sums):
    twice = concatenate([signs, signs])
    target = Target.of_quizzes("total", "number", np.concatenate([sums, sums]), 12)
    place = {"answer": at(np.full(400, LAST), 12)}
    table = probe_sites(voter, twice, [target], [AFTER], place, options=FEW)
    assert {*table.tokens} == {400}
    assert {*table.groups} == {len(np.unique(signs.tokens, axis=0))}
    groups = (np.arange(400) % 40).astype(np.uint64)
    table = probe_sites(voter, twice, [target], [AFTER], place, groups=groups, options=FEW)
    assert {*table.groups} == {40}


def test_each_position_has_a_probe_of_its_own(voter, signs, sums):
    """Of the last sign and the mean of all: the sum of the last two can be told at first only."""
    steps = np.where(signs.tokens == 1, 1.0, -1.0)
    two = steps + np.pad(steps[:, :-1], ((0, 0), (1, 0)))
    target = Target.of_tokens("two", "number", two)
    where = np.isin(np.arange(12), [2, 11]) & np.ones((200, 1), dtype=np.bool_)
    table = probe_sites(voter, signs, [target], [AFTER], each_position(where), options=FEW)
    assert list(table.place.unique()) == ["2", "11"]
    assert value(table, place="2") > 0.99
    assert value(table, place="11") < 0.8


def test_what_does_not_vary_is_said_to_have_no_score(voter, signs, answer):
    same = [Target.of_quizzes(kind, kind, np.ones(200), 12) for kind in ("number", "class")]
    table = probe_sites(voter, signs, same, [AFTER], answer, options=FEW)
    assert table.metric.tolist() == ["r2", "auroc", "balanced_accuracy"]
    assert table[["value", "low", "high"]].isna().all(axis=None)
    with pytest.raises(UserError, match="'number' does not vary there"):
        fit_probe(voter, signs, same[0], AFTER)


def test_the_same_seed_gives_the_same_table(voter, signs, total, answer):
    first, second = (
        probe_sites(voter, signs, [total], [AFTER], answer, options=FEW) for _ in range(2)
    )
    pd.testing.assert_frame_equal(first, second)


def test_a_probe_is_fitted_to_the_tokens_asked_for(voter, signs, sums, total, answer):
    probe = fit_probe(voter, signs, total, AFTER, answer["answer"])
    assert probe.site == AFTER
    shuffled = fit_shuffled(voter, signs, total, AFTER, answer["answer"], FEW)
    assert len(shuffled) == 2
    truth = np.corrcoef(probe.read(held(voter, signs))[:, 0], sums)[0, 1]
    others = [np.corrcoef(p.read(held(voter, signs))[:, 0], sums)[0, 1] for p in shuffled]
    assert truth > 0.999
    assert all((p.weight != probe.weight).any() for p in shuffled)
    assert not np.allclose(others, truth)


def held(voter, batch):
    """float32 [n, d] at the answer."""
    where = at(np.full(len(batch), LAST), 12)
    return dict(vectors(voter, batch, [AFTER], where, 1))[AFTER]


def test_what_does_not_fit_is_refused(voter, signs, total):
    with pytest.raises(UserError, match=r"'total' must be \[9, 12\] like the tokens"):
        probe_sites(voter, signs[:9], [total])
    with pytest.raises(UserError, match=r"'here' must be \[200, 12\] like the tokens"):
        probe_sites(voter, signs, [total], places={"here": np.ones((200, 3), dtype=np.bool_)})
    with pytest.raises(UserError, match="no target has a value at any place"):
        probe_sites(voter, signs, [total], places={"here": np.zeros((200, 12), dtype=np.bool_)})
