"""Agreement of fingerprints: planted matches are found, controls are what they are said to be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sae.effects.fingerprints import AgentEffects, agreement_summary, fingerprint_agreement
from sae.effects.matched import (
    Matched,
    family_pairs,
    firing_profiles,
    nearest_in_frequency,
    nearest_in_profile,
)
from sae.effects.quizzes import SplitQuizzes
from sae.effects.scaling import Effects, scale_features
from sae.statistics.cluster_bootstrap import over_groups
from world import Stream
from world.core.errors import UserError

STREAM = Stream(0, "test-fingerprints")
PLANTED = 40
GROUPS = [(task, layout) for task in range(3) for layout in range(4)]
EVERY = np.arange(6)


def planted(rng, like=None):
    """Effects of PLANTED features on 600 quizzes of 3 tasks in 4 layouts.

    A feature has an effect of its own in every group, or that of the feature ``like`` it.
    """
    own = rng.exponential(size=(PLANTED, 12)) if like is None else like
    task, layout = np.repeat(np.arange(3), 200), np.tile(np.arange(4), 150)
    quizzes = SplitQuizzes(
        np.arange(600),
        task.astype(np.int16),
        layout.astype(np.uint8),
        np.full(600, 10),
        np.arange(600),
    )
    splits = []
    for _ in range(2):
        loss = own[:, task * 4 + layout] + 0.1 * rng.standard_normal((PLANTED, 600))
        none = np.zeros(loss.shape, dtype=np.int8)
        splits.append(Effects(np.arange(PLANTED), 0.0, quizzes, loss, none, none.astype(bool)))
    return own, AgentEffects(*splits, rng.integers(1, 100, (PLANTED, 12)).astype(float))


def test_features_that_do_the_same_agree_and_others_do_not():
    rng = np.random.default_rng(0)
    own, first = planted(rng)
    order = rng.permutation(PLANTED)
    _, second = planted(rng, own[order])
    place = order.argsort()
    pairs = [Matched(0, f, 1, int(place[f]), int(place[f - 1]), f) for f in range(PLANTED)]
    table = fingerprint_agreement({0: first, 1: second}, pairs)
    assert table.r_match.min() > 0.95
    assert table.r_self.min() > 0.95
    found = agreement_summary(table, STREAM, resamples=100).set_index("figure")
    assert found.value["match"] == pytest.approx(table.r_match.mean())
    assert found.low["match - frequency"] > 0.8
    assert found.low["match - second"] > 0.5
    assert (found.low <= found.value).all()
    assert (found.value <= found.high).all()
    assert (found.groups == PLANTED).all()
    same = agreement_summary(table, STREAM, resamples=100)
    pd.testing.assert_frame_equal(found.reset_index(), same)


def test_without_pairs_there_is_no_agreement():
    _, effects = planted(np.random.default_rng(0))
    summary = agreement_summary(fingerprint_agreement({0: effects}, []), STREAM)
    assert summary.value.isna().all()
    assert (summary.pairs == 0).all()


def test_features_without_consequence_take_no_part():
    """Half of the second agent's features do nothing on the selection split."""
    rng = np.random.default_rng(0)
    own, first = planted(rng)
    _, second = planted(rng, own)
    idle = np.arange(PLANTED) % 2 == 1
    loss = np.where(idle[:, None], 0.0, second.selection.loss_change)
    second = replace(second, selection=replace(second.selection, loss_change=loss))
    assert (second.selection.consequential() == ~idle).all()
    pairs = [Matched(0, f, 1, f, (f + 1) % PLANTED, f) for f in range(PLANTED)]
    table = fingerprint_agreement({0: first, 1: second}, pairs, count=99)
    assert (table.r_match.isna() == idle).all()
    assert table.r_second.isna().all(), "every second-best match is idle or of an idle match"
    mean = np.corrcoef(
        first.evaluation.fingerprints(GROUPS)[0], second.evaluation.fingerprints(GROUPS)[2::2]
    )
    assert table.r_frequency[0] == pytest.approx(mean[0, 1:].mean())


def test_a_silent_feature_is_not_consequential(agents, make_spliced, small_world, batch):
    effects = scale_features(make_spliced(agents[0]), small_world, batch, evaluation=False)
    assert effects.consequential().any()
    assert not effects.consequential()[-1]
    assert not effects.consequential(floor=1e9).any()


def test_profiles_count_the_tokens_of_the_selection_split(
    agents, make_spliced, small_world, batch, rows
):
    subject = make_spliced(agents[0])
    profiles = firing_profiles(subject, small_world, batch)
    active = subject.codes.toarray() != 0
    assert (profiles.sum(axis=1) == active[~rows.evaluation].sum(axis=0)).all()
    selected = ~rows.evaluation
    task, layout = min(zip(rows.task[selected], rows.layout[selected], strict=True))
    first = selected & (rows.task == task) & (rows.layout == layout)
    assert (profiles[:, 0] == active[first].sum(axis=0)).all()


def test_controls_are_near_and_leave_out_the_matches():
    profiles = np.array([[8, 0], [0, 9], [50, 50], [4, 4], [0, 0], [70, 1]], dtype=float)
    pair = Matched(0, 0, 1, match=0, second=3, group=0)
    assert nearest_in_frequency(profiles, pair, EVERY, 2).tolist() == [1, 5]
    assert nearest_in_profile(profiles, pair, EVERY, 2).tolist() == [5, 2]
    alone = Matched(0, 0, 1, match=0, second=-1, group=0)
    assert nearest_in_frequency(profiles, alone, EVERY, 9).tolist() == [3, 1, 5, 2]
    assert nearest_in_frequency(profiles, alone, EVERY[:3], 9).tolist() == [1, 2]


def test_families_become_ordered_pairs():
    families = [{0: 4, 2: 1}, {0: 3, 1: 0, 2: 2}]
    both = [(a, b) for a in range(3) for b in range(3) if a != b]
    seconds = {pair: np.full(5, 7) for pair in both}
    seconds[2, 0][1] = 4
    pairs = family_pairs(families, seconds)
    assert len(pairs) == 2 + 6
    assert pairs[0] == Matched(0, 4, 2, 1, 7, 0)
    assert pairs[1] == Matched(2, 1, 0, 4, -1, 0), "the match is no control of itself"
    assert {p.group for p in pairs[2:]} == {1}


def test_intervals_draw_whole_groups():
    rng = np.random.default_rng
    values = np.tile([0.0, 1.0], 50)
    loose = over_groups(values, np.arange(100), np.mean, 500, rng(0))
    tied = over_groups(values, values.astype(int), np.mean, 500, rng(0))
    assert (loose.value, tied.value) == (0.5, 0.5)
    assert loose.low > 0.35
    assert (tied.low, tied.high) == (0.0, 1.0)
    assert (loose.groups, tied.groups, tied.pairs) == (100, 2, 100)
    alone = over_groups(np.array([1.0, np.nan]), np.array([3, 4]), np.mean, 10, rng(0))
    assert alone.value == 1
    assert np.isnan(alone.low)


def test_quizzes_without_a_task_in_both_halves_are_too_few():
    _, agent = planted(np.random.default_rng(0))
    some = replace(agent.evaluation.quizzes, task=np.full(600, 3, dtype=np.int16))
    other = replace(agent, evaluation=replace(agent.evaluation, quizzes=some))
    with pytest.raises(UserError, match="more quizzes are needed"):
        fingerprint_agreement({0: other}, [])
