"""An agent that hardly learns is told from one that is slow to begin."""

from dataclasses import replace

import pytest

from agents.config import TrainConfig
from agents.evaluation import Evaluation, wilson_interval
from agents.replicas import ReplicaGroup
from agents.training import Learner
from culture_sim.population.population import Population
from culture_sim.population.standstill import standstill
from culture_sim.run.alarms import STANDSTILL, training_alarms
from culture_sim.run.config import RunConfig
from culture_sim.run.run import Run
from culture_sim.run.state import AgentState

TRAIN = TrainConfig(target=0.9, epoch_quizzes=1600, max_quizzes=40_000, learning_rate=1e6)
DUE = 11_200
"""Quizzes after the first evaluation that is not before a quarter of the budget."""


def state(accuracy, quizzes, began=0, total=500):
    hits = round(accuracy * total)
    found = Evaluation(accuracy, hits, total, *wilson_interval(hits, total), {}, 1.0)
    return AgentState(3, round_began=began, quizzes=quizzes, validation=found)


def raised(accuracy, train=TRAIN, began=0):
    """Quizzes of a round after which the alarm is raised."""
    moments = range(train.epoch_quizzes, train.max_quizzes + 1, train.epoch_quizzes)
    return [n for n in moments if standstill(state(accuracy, began + n, began), train)]


@pytest.mark.parametrize("began", [0, 40_000])
@pytest.mark.parametrize("accuracy", [0.0, 0.02, 0.05])
def test_it_is_one_alarm_a_round(accuracy, began):
    assert raised(accuracy, began=began) == [DUE]


@pytest.mark.parametrize("accuracy", [0.09, 0.2, 0.95])
def test_an_agent_that_learns_raises_none(accuracy):
    assert raised(accuracy) == []


def test_without_a_target_there_is_none():
    assert raised(0.0, replace(TRAIN, target=0.0)) == []


def test_after_few_evaluations_there_is_none():
    assert raised(0.0, replace(TRAIN, max_quizzes=4 * 1600)) == []
    assert raised(0.0, replace(TRAIN, max_quizzes=10 * 1600)) == [5 * 1600]


def test_it_says_who_since_when_and_what_to_lower():
    assert standstill(state(0.0, DUE), TRAIN) == (
        "agent 3 answers 0.0% of unseen quizzes after 11,200 of at most 40,000: it hardly learns, "
        "and a lower --train.learning-rate (now 1e+06) may help"
    )


class Saved(Learner):
    """A learner after an epoch, whose checkpoint is of no interest."""

    quizzes = DUE

    def save(self, path, state):
        """Nothing."""


def test_the_alarm_is_raised_where_a_checkpoint_is_written(tmp_path):
    run = Run.start(tmp_path / "run", RunConfig(agents=4, train=TRAIN), "compact")
    population = Population.__new__(Population)
    population.run, population.round, population.replicas = run, 0, ReplicaGroup(0)
    population._save(Saved.__new__(Saved), state(0.0, DUE))
    (alarm,) = training_alarms(run)
    assert (alarm["kind"], alarm["agent"], alarm["quizzes"]) == (STANDSTILL, 3, DUE)
