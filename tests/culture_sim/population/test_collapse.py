"""A collapse is told from noise: real curves and chance raise no alarm, a fall that stays does."""

import numpy as np
import pytest

from agents.evaluation import Evaluation, wilson_interval
from culture_sim.population.collapse import PATIENCE, collapse, watched
from culture_sim.run.state import AgentState

LEARNING = (0.0, 7.8, 21.8, 34.6, 52.0, 64.0, 76.0, 83.8, 87.0, 90.0, 92.8, 95.4)
"""An agent of the default run, in percent of 500 quizzes."""


def examined(accuracy, total):
    hits = round(accuracy * total)
    return Evaluation(hits / total, hits, total, *wilson_interval(hits, total), {}, 1.0)


def alarms(curve, total=500):
    """Evaluations after which the alarm is raised."""
    state, raised = AgentState(2), []
    for place, accuracy in enumerate(curve):
        found = examined(accuracy, total)
        state = watched(state, found)
        text = collapse(AgentState(2, validation=found, best=state.best, fallen=state.fallen))
        if text is not None:
            assert text.startswith("agent 2 answers ")
            raised.append(place)
    return raised


def test_a_fall_that_stays_is_one_alarm():
    learned = [a / 100 for a in LEARNING]
    assert alarms([*learned, *[0.3] * 20]) == [len(learned) + PATIENCE - 1]


def test_each_collapse_is_an_alarm():
    fall = [0.2] * PATIENCE
    assert len(alarms([0.9, *fall, 0.9, *fall])) == 2


@pytest.mark.parametrize("low", [0.0, 0.4, 0.6])
def test_falls_of_all_depths_are_found(low):
    assert alarms([0.95, *[low] * PATIENCE]) == [PATIENCE]


@pytest.mark.parametrize("short", range(1, PATIENCE))
def test_a_fall_that_is_made_good_is_none(short):
    assert alarms([0.9, *[0.1] * short, 0.9, *[0.1] * short, 0.9]) == []


def test_learning_is_none():
    assert alarms([a / 100 for a in LEARNING]) == []


def test_an_agent_that_learns_nothing_has_not_fallen():
    assert alarms([0.0] * 50) == []


@pytest.mark.parametrize("total", [20, 100, 500])
@pytest.mark.parametrize("accuracy", [0.02, 0.1, 0.5, 0.95])
def test_chance_alone_raises_none(total, accuracy):
    """Two hundred agents that neither learn nor forget, examined fifty times."""
    rng = np.random.default_rng(0)
    curves = rng.binomial(total, accuracy, size=(200, 50)) / total
    assert [alarms(curve.tolist(), total) for curve in curves] == [[]] * 200


@pytest.mark.parametrize("total", [100, 500])
def test_a_dip_at_the_start_of_a_round_raises_none(total):
    """The mix of quizzes changes, and accuracy on the world is a little lower for a while."""
    rng = np.random.default_rng(1)
    truth = [0.95] * 3 + [0.85] * 30
    curves = rng.binomial(total, truth, size=(200, len(truth))) / total
    assert [alarms(curve.tolist(), total) for curve in curves] == [[]] * 200
