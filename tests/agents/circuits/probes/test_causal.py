"""An edit along what the output hangs on turns it; an edit along what is only there does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agents.circuits.probes import (
    Target,
    at,
    exchange,
    fit_probe,
    fit_shuffled,
    hold,
    pairs_that_differ,
)
from agents.evaluation import wilson_interval
from tests.helpers.sign_voter import FEWER, LAST, MORE
from world.core.errors import UserError

SITE = "blocks.0.hook_resid_post"


@pytest.fixture(scope="module")
def pairs(sums):
    """Each of the second hundred, with a donor whose signs sum to the other side."""
    base, donor = pairs_that_differ(np.sign(sums[100:]), np.zeros(100, np.int64), rng())
    return base + 100, donor + 100


def rng():
    return np.random.default_rng(1)


def probe_of(fit, voter, signs, values, kind, site=SITE):
    """Fitted to the answer's position in the first hundred."""
    target = Target.of_quizzes("x", kind, values[:100], 12)
    return fit(voter, signs[:100], target, site, at(np.full(100, LAST), 12))


def places(n):
    return np.full((n, 1), LAST)


def swapped(voter, probe, signs, pairs, **options):
    base, donor = pairs
    where = places(len(base))
    return exchange(voter, probe, signs[base], signs[donor], where, where, **options)


def row(found, edit):
    return found.table().set_index("edit").loc[edit]


def test_the_output_follows_what_it_hangs_on(voter, signs, sums, pairs):
    probe = probe_of(fit_probe, voter, signs, sums, "number")
    found = swapped(voter, probe, signs, pairs)
    expected = np.where(sums[pairs[0]] > 0, MORE, FEWER)
    assert found.base[:, 0].tolist() == expected.tolist()
    assert (found.donor != found.base).all()
    table = found.table().set_index("edit")
    assert table.turned["probe"] == table.turned["whole"] == 1.0
    assert table.way["probe"] == pytest.approx(1.0, abs=0.15)
    assert table.turned["random"] < 0.5
    assert table.length["random"] == pytest.approx(table.length["probe"])
    assert table.pairs["probe"] == len(pairs[0]) == 100
    assert (table.low["random"], table.high["random"]) == pytest.approx(
        wilson_interval(round(table.turned["random"] * 100), 100)
    )


def test_it_does_not_follow_what_is_only_there(voter, signs, sums, pairs):
    """The last sign is there to be read, but the answer is chosen by their sum."""
    last = (signs.tokens[:, LAST - 1] == 1).astype(np.float64)
    probe = probe_of(fit_probe, voter, signs, last, "class")
    held = probe.read(voter_activations(voter, signs[100:], SITE))[:, 0] > 0
    assert (held == (last[100:] == 1)).all()
    found = swapped(voter, probe, signs, pairs)
    assert row(found, "probe").turned < 0.2
    assert row(found, "whole").turned == 1.0


def voter_activations(voter, batch, site):
    tokens = torch.from_numpy(batch.tokens.astype(np.int64))
    return voter.capture(tokens, [site])[site][:, LAST].numpy()


def test_nothing_follows_from_where_it_is_not_yet(voter, signs, sums, pairs):
    """Before the first block the position of the answer holds the last sign alone."""
    probe = probe_of(fit_probe, voter, signs, sums, "number", "blocks.0.hook_resid_pre")
    found = swapped(voter, probe, signs, pairs)
    assert row(found, "probe").turned < 0.5 > row(found, "whole").turned


def test_probes_of_shuffled_labels_go_as_far(voter, signs, sums, pairs):
    probe = probe_of(fit_probe, voter, signs, sums, "number")
    shuffled = probe_of(fit_shuffled, voter, signs, sums, "number")
    assert len(shuffled) == 3
    found = swapped(voter, probe, signs, pairs, shuffled=shuffled)
    assert row(found, "shuffled").length == pytest.approx(row(found, "probe").length)
    again = swapped(voter, probe, signs, pairs, shuffled=[probe])
    assert (again.outputs["shuffled"] == again.outputs["probe"]).all()


def test_a_donor_of_the_same_answer_leaves_it(voter, signs, sums):
    probe = probe_of(fit_probe, voter, signs, sums, "number")
    rows = np.arange(100, 200)
    found = row(swapped(voter, probe, signs, (rows, rows)), "probe")
    assert (found.pairs, found.alike, found.kept) == (0, 100, 1.0)
    assert np.isnan(found.turned)
    assert found.length == pytest.approx(0, abs=1e-9)


def test_places_of_the_donor_may_be_others(voter, signs, sums):
    """What the donor's activation at position 5 reads, put at position 11."""
    probe = probe_of(fit_probe, voter, signs, sums, "number")
    rows = np.arange(100, 200)
    where, early = places(100), np.full((100, 1), 5)
    found = exchange(voter, probe, signs[rows], signs[rows], where, where, early, early)
    before = np.where(signs.tokens[rows, :5] == 1, 1, -1).sum(axis=1)
    assert found.donor[:, 0].tolist() == np.where(before > 0, MORE, FEWER).tolist()
    assert row(found, "whole").turned == 1.0


def test_what_does_not_fit_is_refused_in_one_line(voter, signs, sums):
    probe = probe_of(fit_probe, voter, signs, sums, "number")
    with pytest.raises(UserError, match="a row for each pair"):
        exchange(voter, probe, signs[:9], signs[:8], places(9), places(9))


def test_pairs_differ_in_the_value_and_in_nothing_else():
    values = np.array([0.0, 0, 1, 1, np.nan, 2])
    alike = np.array([7, 7, 7, 8, 7, 9])
    base, donor = pairs_that_differ(values, alike, rng())
    assert base.tolist() == [0, 1, 2]
    assert donor[:2].tolist() == [2, 2]
    assert donor[2] in (0, 1)


def answers(voter, batch, change):
    tokens = torch.from_numpy(batch.tokens.astype(np.int64))
    with torch.no_grad(), voter.intervene({SITE: change}):
        return voter(tokens)[:, LAST].argmax(dim=1).numpy()


@pytest.mark.parametrize(("value", "answer"), [(7.0, MORE), (-7.0, FEWER)])
def test_what_is_held_decides_the_answer(voter, signs, sums, value, answer):
    probe = probe_of(fit_probe, voter, signs, sums, "number")
    where = at(np.array([LAST]), 12)
    assert (answers(voter, signs[100:], hold(probe, where, np.array([value]))) == answer).all()
    elsewhere = answers(voter, signs[100:], hold(probe, ~where, np.array([value])))
    assert (elsewhere == np.where(sums[100:] > 0, MORE, FEWER)).all()


def test_what_is_erased_decides_nothing(voter, signs, sums):
    """Every answer is that of the mean."""
    probe = probe_of(fit_probe, voter, signs, sums, "number")
    where = at(np.full(100, LAST), 12)
    found = answers(voter, signs[100:], hold(probe, where))
    usual = MORE if sums[:100].mean() > 0 else FEWER
    assert abs(sums[:100].mean()) > 0.05
    assert (found == usual).mean() > 0.9
