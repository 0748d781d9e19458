"""Claims are judged by rules: on drifts whose answer is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from culture_sim.experiments.birds.claims import (
    CLAIMS,
    FEWEST,
    PARTS,
    PUBLISHED,
    judge,
    one_bird_alone,
)

ARMS = ("none", "random_filter", "full")


def drift(selection=0.0, training=0.0, noise=0.01, seeds=3, support=100, measure="birds"):
    """Three birds in what is proposed; full culture proposes more by ``training``, and keeps more
    than it proposes by ``selection``."""
    rng, rows = np.random.default_rng(0), []
    for seed in range(seeds):
        level = 3 + rng.uniform(-0.3, 0.3)  # seeds differ far more than arms do
        for arm in ARMS:
            for number in (1, 2):
                proposed = level + (training if arm == "full" and number == 2 else 0)
                kept = proposed + (selection if arm == "full" and number == 2 else 0)
                for quizzes, value in (("proposed", proposed), ("kept", kept)):
                    told = value + rng.normal(0, noise)
                    rows.append((seed, arm, number, quizzes, measure, told, support))
    columns = ["seed", "arm", "round", "quizzes", "measure", "value", "support"]
    return pd.DataFrame(rows, columns=columns)


def answers(table, measure="birds", last=2):
    (claim,) = (each for each in CLAIMS if each.measure == measure)
    return {each.contrast: each for each in judge(table, last) if each.claim == claim}


def test_a_rise_is_confirmed_and_split_into_its_two_parts():
    found = answers(drift(selection=0.5, training=0.3))
    assert found[PUBLISHED].answer == "confirmed"
    assert [found[part].answer for part in PARTS] == ["confirmed"] * 2
    assert found[PUBLISHED].value == pytest.approx(sum(found[part].value for part in PARTS))
    assert found[PUBLISHED].value == pytest.approx(0.8, abs=0.05)
    verdict = found[PUBLISHED].verdict()
    assert verdict.claim == "agents raise the number of birds"
    assert "lies below 0.1" in verdict.rule
    assert "by seed +0.8" in verdict.because or "by seed +0.7" in verdict.because


@pytest.mark.parametrize(("rise", "noise"), [(0.0, 0.01), (0.04, 0.001), (-0.5, 0.01)])
def test_no_rise_or_one_below_the_margin_is_refuted(rise, noise):
    found = answers(drift(selection=rise, noise=noise))
    assert found[PUBLISHED].answer == "refuted"
    assert found[PARTS[1]].answer == "refuted"


def test_what_lies_in_between_is_open():
    assert answers(drift(selection=0.2, noise=0.4))[PUBLISHED].answer == "open"


def test_few_seeds_or_quizzes_decide_nothing():
    assert answers(drift(selection=0.5, seeds=2))[PUBLISHED].answer == "open"
    none = answers(drift(selection=0.5, support=FEWEST - 1))[PUBLISHED]
    assert none.answer == "open"
    assert none.because == "no seed can be counted"
    one = answers(drift(selection=0.5, seeds=1))[PUBLISHED]
    assert one.low is None
    assert one.by_seed.keys() == {0}


def test_only_the_last_round_counts():
    assert answers(drift(selection=0.5), last=1)[PUBLISHED].answer == "refuted"


def test_occlusion_has_a_margin_of_its_own():
    found = answers(drift(selection=0.05, noise=0.001, measure="occluded"), "occluded")
    assert found[PUBLISHED].answer == "confirmed"


@pytest.mark.parametrize(
    ("own", "others", "seeds", "answer"),
    [
        (0.5, 0.01, 3, "confirmed"),
        (0.5, 0.2, 3, "refuted"),
        (0.01, 0.03, 3, "refuted"),
        (0.5, 0.01, 2, "open"),
    ],
)
def test_a_bird_is_alone_where_others_do_not_move(own, others, seeds, answer):
    rng, rows = np.random.default_rng(0), []
    for seed in range(seeds):
        for group, value in (("only before", own), ("other birds", others)):
            for site, kind in (("blocks.0.hook_resid_pre", 1), ("blocks.1.hook_resid_mid", 9)):
                told = kind * value + rng.normal(0, 0.001)
                rows.append((seed, site, "the bird", "moved", group, told))
    columns = ["seed", "site", "place", "measure", "group", "value"]
    assert one_bird_alone(pd.DataFrame(rows, columns=columns)).answer == answer
