"""Effects of families: what is planted in the members is found, and chance is not."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from sae.effects.families import family_counts, family_effects
from sae.effects.quizzes import SplitQuizzes
from sae.effects.scaling import Effects
from world import Stream

STREAM = Stream(0, "test-families")
AGENTS, QUIZZES, CELLS, WRITINGS = 5, 250, 10, 2
COST, LOST = 0.02, 0.1
"""What silencing a planted feature costs: nats per answer token, and share of quizzes."""


def drawn(rng, features, planted=()):
    """Effects by agent: noise about 0, and the cost where it is planted.

    A quiz is hard for all agents alike: what it costs is drawn once, and so are its writings.
    """
    rows = QUIZZES * WRITINGS
    zero = np.zeros(rows)
    source = np.repeat(np.arange(QUIZZES), WRITINGS)
    quizzes = SplitQuizzes(
        np.arange(rows), zero.astype(np.int16), zero.astype(np.uint8), np.full(rows, CELLS), source
    )
    chance = rng.random((features, QUIZZES))[:, source]
    loss = rng.normal(0, 0.05 * CELLS, (features, QUIZZES))[:, source]
    exact = np.where(chance < 0.02, -1, np.where(chance > 0.98, 1, 0))
    for feature in planted:
        loss[feature] += COST * CELLS
        exact[feature] = np.where(chance[feature] < LOST, -1, 0)
    own = rng.normal(0, 0.01 * CELLS, (AGENTS, features, rows))
    return {
        agent: Effects(
            np.arange(features), 0.0, quizzes, loss + own[agent], exact.astype(np.int8), exact != 0
        )
        for agent in range(AGENTS)
    }


@pytest.fixture(scope="module")
def found():
    """60 families, of which the first 10 are planted."""
    effects = drawn(np.random.default_rng(0), 60, range(10))
    families = [dict.fromkeys(range(AGENTS), f) for f in range(60)]
    return effects, families, family_effects(families, effects, STREAM)


def test_a_planted_effect_is_inside_its_interval(found):
    _, _, table = found
    planted = table[:10]
    inside = (planted.accuracy_low <= -LOST) & (planted.accuracy_high >= -LOST)
    assert inside.sum() >= 8
    assert ((planted.loss_low <= COST) & (planted.loss_high >= COST)).sum() >= 8
    assert (planted.accuracy_high < 0).all()
    assert (planted.loss_low > 0).all()
    assert planted.q.max() < 1e-3


def test_chance_is_no_effect():
    """Of 600 families many have an interval without 0; with false discoveries held, none."""
    effects = drawn(np.random.default_rng(1), 600)
    families = [dict.fromkeys(range(AGENTS), f) for f in range(600)]
    table = family_effects(families, effects, STREAM, 200)
    assert ((table.accuracy_high < 0) | (table.accuracy_low > 0)).sum() > 10
    assert abs((table.p <= 0.05).mean() - 0.05) < 0.02
    assert (table.q > 0.05).all()


def test_families_are_counted_by_direction(found):
    table = found[2].copy()
    assert family_counts(table)["lowers_accuracy"] >= 10
    table.q = [0.01, 0.05, 0.06] * 20
    table.accuracy_change = [-0.1, 0.1, 0.1, -0.1, -0.1, -0.1] * 10
    assert family_counts(table) == {
        "families": 60, "max_q": 0.05, "lowers_accuracy": 30, "raises_accuracy": 10
    }  # fmt: skip


def test_members_are_no_more_observations_than_quizzes(found):
    """A quiz that is lost is lost by all: five agents tell no more than one, nor do writings."""
    effects, families, table = found
    one = {0: effects[0]}
    alone = family_effects([{0: family[0]} for family in families], one, STREAM)
    pd.testing.assert_series_equal(alone.p, table.p)
    pd.testing.assert_series_equal(alone.accuracy_low, table.accuracy_low)
    lost = effects[0].exact_change[0].reshape(QUIZZES, WRITINGS)[:, 0]
    error = lost.std(ddof=1) / np.sqrt(QUIZZES)
    width = table.accuracy_high[0] - table.accuracy_low[0]
    assert width == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_members_count_alike(found):
    effects, _, _ = found
    (row,) = family_effects([{1: 3, 4: 30}], effects, STREAM, 20).to_dict("records")
    for name, change, size in (("accuracy", "exact_change", 1), ("loss", "loss_change", CELLS)):
        each = [getattr(effects[a], change)[f].mean() / size for a, f in ((1, 3), (4, 30))]
        assert row[f"{name}_change"] == pytest.approx(np.mean(each))


def test_families_that_change_nothing_or_do_not_exist(found):
    effects, _, _ = found
    still = {n: Effects(e.feature, 0.0, e.quizzes, 0 * e.loss_change, 0 * e.exact_change, e.fires)
             for n, e in effects.items()}  # fmt: skip
    (row,) = family_effects([{0: 1, 1: 1}], still, STREAM, 20).to_dict("records")
    assert (row["p"], row["q"], row["accuracy_change"], row["loss_high"]) == (1, 1, 0, 0)
    assert len(family_effects([], effects, STREAM, 20)) == 0


def test_a_whole_run_takes_seconds():
    effects = drawn(np.random.default_rng(1), 600)
    families = [dict.fromkeys(range(AGENTS), f) for f in range(600)]
    tracemalloc.start()
    began = time.process_time()
    family_effects(families, effects, STREAM, 1000)
    assert time.process_time() - began < 20
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6
