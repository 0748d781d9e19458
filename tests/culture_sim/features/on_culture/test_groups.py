"""Which quizzes agents are asked for their features, in which direction, and what dissenters are
dealt out to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from culture_sim.culture.store import CultureStore
from culture_sim.features.on_culture.figures import figures_of
from culture_sim.features.on_culture.groups import AGENTS as MADE
from culture_sim.features.on_culture.groups import KEPT, WORLD, occurrences, placebo
from culture_sim.features.on_culture.quizzes import (
    NOBODY,
    EvaluatedQuizzes,
    choose,
    direction_of,
    evaluate_kept,
    read_stored,
)
from culture_sim.run.run import Run
from tests.helpers.stored_round import AGENTS, EASY, HARD, HELD_OUT, TRAIN, make_records
from tests.helpers.storing import append


@pytest.fixture(scope="module")
def run(trained):
    return Run.open(trained)


@pytest.fixture(scope="module")
def quizzes(run, tmp_path_factory):
    store = CultureStore(tmp_path_factory.mktemp("culture"))
    append(store, make_records(run))
    return read_stored(store)


def test_all_that_was_kept_is_told_from_what_nobody_was_taught(quizzes):
    assert len(quizzes) == EASY + HARD + TRAIN + HELD_OUT
    assert len(quizzes.kept) == TRAIN + HELD_OUT
    assert quizzes.kept.taught.sum() == TRAIN
    # What none solves is not asked again; what all solve is, and what was kept to be tested on.
    reasons = dict(zip(*np.unique(quizzes.untaught.reason, return_counts=True), strict=True))
    assert reasons == {"kept": HELD_OUT, f"too easy: {AGENTS} solvers": EASY}


def test_an_agent_that_was_not_asked_has_not_failed(run, tmp_path):
    records = make_records(run)
    store = CultureStore(tmp_path)
    records.votes.correct[0] = False
    records.votes.voted[0, 2:] = False
    append(store, records)
    assert read_stored(store).correct[0].tolist() == [[False] * 2] * 2 + [[True] * 2] * 3


def test_kept_quizzes_are_asked_where_one_agent_failed_when_it_voted(quizzes, run):
    kept = quizzes.kept
    models = [run.load_agent(agent) for agent in run.agents]
    evaluated = evaluate_kept(models, run.config.world, kept)
    rows = np.arange(EASY + HARD, len(quizzes))
    assert evaluated.batch.layout.tolist() == [row % 2 for row in rows]
    assert (evaluated.dissenter == NOBODY).all()
    # These agents solve nothing, and every quiz is there all the same.
    assert evaluated.counts(kept.taught) == {
        "quizzes": TRAIN, "failed_by_none": 0, "failed_by_one": 0, "failed_by_more": TRAIN,
    }  # fmt: skip
    assert len(evaluated.batch) == len(kept)


def test_a_quiz_is_chosen_in_the_first_direction_that_its_only_dissenter_fails():
    correct = np.ones((9, 3, 2), dtype=np.bool_)
    correct[0, 1, 1] = correct[1, 2, 0] = False
    correct[2, :2, 0] = correct[2, 0, 1] = False  # two fail it in one direction, one in the other
    correct[3, :2] = False
    correct[7, 0, 0] = correct[7, 2, 1] = False  # one fails it in each direction, not the same
    correct[8, 1] = False
    assert direction_of(correct).tolist() == [1, 0, 1, 1, 0, 1, 0, 0, 0]
    index, direction, dissenter = choose(correct, 2)
    assert index.tolist() == [0, 1, 8, 4, 5]
    assert direction.tolist() == [1, 0, 0, 0, 1]
    assert dissenter.tolist() == [1, 2, 1, NOBODY, NOBODY]


def test_a_placebo_has_the_dissenters_of_other_quizzes_of_the_same_stratum():
    dissenter = np.array([3, NOBODY, 1, 0, 2, *[NOBODY] * 9])
    stratum = np.array([0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 2, 2])
    solved = dissenter == NOBODY
    solved[1] = False  # failed, but by one that is not of the group
    for seed in range(20):
        dealt = placebo(dissenter, solved, stratum, np.random.default_rng(seed))
        assert (dealt[~solved] == NOBODY).all()
        assert set(dealt[stratum == 0]) == {NOBODY, 1, 3}
        # At most half of those that are solved: one of three.
        assert {0, 2} > set(dealt[stratum == 1]) - {NOBODY}
        assert (dealt[stratum == 1] != NOBODY).sum() == 1
        assert (dealt[stratum == 2] == NOBODY).all()


def test_counts_are_of_some_quizzes():
    evaluated = EvaluatedQuizzes(None, np.arange(0), np.arange(0), np.array([0, 1, 4, 1]))
    assert evaluated.counts(np.array([True, True, True, False])) == {
        "quizzes": 3, "failed_by_none": 1, "failed_by_one": 1, "failed_by_more": 1,
    }  # fmt: skip


@dataclass
class Seen:
    """In place of FeatureFirings: quizzes of two tasks and directions, one agent's features."""

    alone: np.ndarray
    task: np.ndarray
    rates: np.ndarray

    def __post_init__(self):
        size = len(self)
        self.direction = np.arange(size) % 2
        self.stratum = 2 * self.task + self.direction
        rng = np.random.default_rng(size)
        self.shares = {0: (rng.binomial(144, self.rates) / 144).astype(np.float32)}

    def __len__(self):
        return len(self.alone)


def seen():
    """Feature 0 fires more on hard quizzes of the world and on kept ones, which are as hard; 1 on
    task 1, of which most hard quizzes of the world are; 2 on kept ones and on what agents made; 3
    on kept ones alone; 4 on those that agents were taught."""
    rng, found = np.random.default_rng(0), {}
    for origin, size in ((WORLD, 900), (MADE, 300), (KEPT, 200)):
        hard = np.arange(size) < size // 3
        task = (rng.random(size) < np.where(hard, 0.8, 0.3)) * (origin == WORLD)
        rates = np.full((size, 5), 0.1)
        rates[:, 3] = 0.0
        rates[hard & (origin == WORLD), 0] = 0.15
        rates[task == 1, 1] = 0.2
        if origin == MADE:
            rates[:, 2] = 0.15
        if origin == KEPT:
            rates[:, :4] = [0.15, 0.15, 0.15, 0.05]
            rates[:100, 4] = 0.2
            hard[:] = False
        found[origin] = Seen(hard, task, rates)
    return found, np.arange(200) < 100


def test_what_is_culture_s_own_is_told_from_what_is_hard():
    firings, taught = seen()
    table = occurrences(firings, [0], taught, np.random.default_rng(0))
    more = {
        name: set(rows.feature[(rows.q <= 0.05) & (rows.difference > 0)])
        for name, rows in table.groupby("groups")
    }
    # Feature 1 fires on kept quizzes as on a mixture of tasks, which cannot be told from culture.
    assert more["kept_world"] == {0, 1, 2, 3, 4}
    assert more["kept_hard"] == {2, 3, 4}
    assert more["agents_world"] == {2}
    assert more["taught_untaught"] == {4}
    # Within the world, tasks are known and matched.
    assert more["failed_solved_world"] == {0}
    controls = ("world_world", "kept_kept", "placebo_solved_world", "placebo_solved_agents")
    assert all(more[name] == set() for name in (*controls, "failed_solved_agents"))
    own = table[(table.groups == "kept_world") & (table.feature == 3)].iloc[0]
    assert (own.quizzes, own.quizzes_other) == (200, 0)


def test_solved_quizzes_of_the_mixture_of_failed_ones_are_a_control():
    firings, taught = seen()
    table = occurrences(firings, [0], taught, np.random.default_rng(0))
    control = table[table.groups == "placebo_solved_world"]
    assert (control.p.dropna() > 0.01).all()
    # Of each stratum as many as are failed, but for half of those that are solved at most.
    world = firings[WORLD]
    failed, solved = (np.bincount(world.stratum[some]) for some in (world.alone, ~world.alone))
    drawn = np.minimum(failed, solved // 2)
    assert (drawn < failed).any()
    assert (drawn == failed).any()
    # Features 0 and 1 fire on every quiz.
    fires = control.set_index("feature")
    assert fires.quizzes[:2].tolist() == 2 * [drawn.sum()]
    assert fires.quizzes_other[:2].tolist() == 2 * [solved.sum() - drawn.sum()]


def test_groups_without_quizzes_have_no_figures_and_no_discoveries():
    firings, taught = seen()
    firings[MADE].alone[:] = False
    table = occurrences(firings, [0], taught, np.random.default_rng(0))
    nothing = table[table.groups.isin(["failed_solved_agents", "placebo_solved_agents"])]
    assert len(nothing) == 10
    assert nothing[["share", "share_other", "difference", "p", "q"]].isna().all(axis=None)
    departures = pd.DataFrame({"origin": [], "difference": [], "p": [], "q": []})
    found = {row.pop("groups"): row for row in figures_of(table, departures)["occurrence"]}
    assert set(found["failed_solved_agents"].values()) == {0}
    assert found["kept_world"]["only"] == 1


def test_without_kept_quizzes_the_others_are_compared():
    firings, _ = seen()
    del firings[KEPT]
    table = occurrences(firings, [0], np.zeros(0, np.bool_), np.random.default_rng(0))
    assert set(table.groups) == {
        "agents_world", "failed_solved_agents", "failed_solved_world", "world_world",
        "placebo_solved_agents", "placebo_solved_world",
    }  # fmt: skip
