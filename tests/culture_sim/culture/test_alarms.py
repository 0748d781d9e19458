"""Alarms: each speaks of what it is for, and of nothing else."""

from __future__ import annotations

import pytest

from culture_sim.culture.alarms import LOOKS, Limits, alarms

LIMITS = Limits(n_agents=5, target=0.95, least_yield=0.002)


def round_(number=1, **changes):
    """A round that nothing is wrong with, but for the changes."""
    figures = {
        "round": number,
        "yield": 0.02,
        "kept": 240,
        "near_duplicates": 0.04,
        "entropy": 1.5,
        "dissenters": [50, 40, 45, 60, 45],
    }
    return {**figures, **changes}


def agents(below=(), round_=1):
    """Five agents that came back to the target, but for some."""
    course = [{"round": number, "reached": True} for number in range(round_)]
    return [
        {"agent": a, "course": [*course, {"round": round_, "reached": a not in below}]}
        for a in range(5)
    ]


def kinds(rounds, population=None):
    found = alarms(rounds, population or agents(), LIMITS)
    assert all(alarm["text"] for alarm in found)
    return [(alarm["round"], alarm["kind"]) for alarm in found]


def test_a_sound_round_raises_no_alarm():
    assert kinds([round_(), round_(2)], agents(round_=2)) == []
    assert kinds([]) == []


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"yield": 0.001}, "starvation"),
        ({"yield": None}, "starvation"),
        ({"near_duplicates": 0.3}, "collapse"),
        ({"entropy": 1.0}, "collapse"),
        ({"dissenters": [10, 200, 10, 10, 10]}, "one dissenter"),
    ],
)
def test_what_is_wrong_in_a_later_round(changes, kind):
    assert kinds([round_(), round_(2, **changes)]) == [(2, kind)]


@pytest.mark.parametrize(
    "changes",
    [
        {"entropy": 1.0, "kept": 12},  # few quizzes have little entropy
        {"near_duplicates": 0.09},  # more than before, but few
        {"near_duplicates": None, "entropy": None, "dissenters": [0] * 5},
        {"dissenters": [0, 3, 1, 0, 0]},  # too few to say
        {"dissenters": [40, 80, 40, 40, 40]},  # often, but not mostly
        {"yield": None, "imported": {}},  # what was proposed elsewhere is not known
    ],
)
def test_what_is_no_reason_for_an_alarm(changes):
    assert kinds([round_(), round_(2, **changes)]) == []


def test_a_high_share_of_near_duplicates_from_the_start_is_the_worlds():
    assert kinds([round_(near_duplicates=0.3), round_(2, near_duplicates=0.35)]) == []


def test_agents_below_the_target_are_named():
    (alarm,) = alarms([round_()], agents(below=(1, 3)), LIMITS)
    assert alarm["kind"] == "target not reached again"
    assert alarm["text"].startswith("agents 1, 3 did not come back to 95%")
    assert alarms([round_(2)], agents(below=(1,)), LIMITS) == []  # another round's


def test_every_alarm_is_tested():
    assert set(LOOKS) == {"starvation", "collapse", "one dissenter", "target not reached again"}
