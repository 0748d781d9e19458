"""A collapse is told from noise: real curves and chance raise no alarm, a fall that stays does."""

import json
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from agents.evaluation import Evaluation, wilson_interval
from agents.replicas import ReplicaGroup
from agents.training import Learner
from culture_sim.launch.monitor import Monitor
from culture_sim.population.collapse import PATIENCE, collapse, watched
from culture_sim.population.population import Population
from culture_sim.run.alarms import COLLAPSE, DIVERGENCE, raise_alarm, training_alarms
from culture_sim.run.config import RunConfig
from culture_sim.run.run import Run
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


class Saved(Learner):
    """A learner after an epoch, whose checkpoint is of no interest."""

    quizzes = 4000

    def save(self, path, state):
        """Nothing."""


def test_the_alarm_is_raised_where_a_checkpoint_is_written(tmp_path):
    """By the process that leads, in the log, once."""
    run = Run.start(tmp_path / "run", RunConfig(agents=2), "compact")
    for rank in (0, 1):
        population = Population.__new__(Population)
        population.run, population.round = run, 3
        population.replicas = ReplicaGroup(rank)
        for fallen in (PATIENCE - 1, PATIENCE, PATIENCE + 1):
            state = AgentState(
                1, validation=examined(0.2, 500), best=0.9, fallen=fallen, quizzes=4000
            )
            population._save(Saved.__new__(Saved), state)
    (alarm,) = training_alarms(run)
    text = alarm.pop("text")
    assert alarm == {"agent": 1, "round": 3, "quizzes": 4000, "kind": COLLAPSE}
    assert text.startswith("agent 1 answers 20.0% of unseen quizzes after 4,000, and has answered")


class Killed(Saved):
    """A learner whose process dies as the checkpoint is written."""

    def save(self, path, state):
        """Not reached the disk."""
        raise KeyboardInterrupt


def test_an_epoch_is_told_before_it_is_saved(tmp_path):
    """So that what a kill cuts off is told again, and a curve has no hole."""
    run = Run.start(tmp_path / "run", RunConfig(agents=2), "compact")
    population = Population.__new__(Population)
    population.run, population.round, population.replicas = run, 0, ReplicaGroup(0)
    state = AgentState(1, validation=examined(0.2, 500), quizzes=4000)
    with pytest.raises(KeyboardInterrupt):
        population._save(Killed.__new__(Killed), state)
    entry = json.loads((run.path / "metrics.jsonl").read_text())
    assert (entry["event"], entry["quizzes"], entry["agent"]) == ("epoch", 4000, 1)


def test_alarms_are_printed_but_for_the_commands_last_line(tmp_path):
    run = Run.start(tmp_path / "run", RunConfig(agents=2), "compact")
    said = StringIO()
    with Monitor(run, Console(file=said)):
        raise_alarm(run, COLLAPSE, 0, 0, 4000, "agent 0 forgets")
        raise_alarm(run, DIVERGENCE, 1, 0, 4000, "agent 1 diverged")
    assert said.getvalue() == "alarm: agent 0 forgets\n"
