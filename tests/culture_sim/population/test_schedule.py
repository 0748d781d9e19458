"""Who trains which agent: the weakest that nobody trains, by locks that die with their owner."""

from contextlib import ExitStack

import pytest
import torch

from agents.checkpoint import save_checkpoint
from culture_sim.population.schedule import claim_weakest
from culture_sim.run.config import RunConfig
from culture_sim.run.run import Run
from culture_sim.run.state import AgentState
from tests.helpers.made_states import evaluation


@pytest.fixture
def run(tmp_path):
    return Run.start(tmp_path / "run", RunConfig(agents=4), "compact")


def save(run, agent, accuracy, **state):
    weights = {"w": torch.zeros(1)}
    state = AgentState(agent, quizzes=4000, validation=evaluation(accuracy), **state)
    save_checkpoint(run.agent_path(agent), weights, weights, state.to_json())


def claim(run, claims, round_=0):
    return claim_weakest(run, round_, claims)


def test_the_weakest_is_claimed_first_and_nobody_twice(run):
    """Those that have not begun are weakest of all, in their order."""
    save(run, 0, 0.7)
    save(run, 3, 0.5)
    with ExitStack() as claims:
        assert [claim(run, claims) for _ in range(5)] == [
            *((True, agent) for agent in (1, 2, 3, 0)),
            (True, None),
        ]
    with ExitStack() as claims:
        assert claim(run, claims) == (True, 1)


def test_a_claim_that_is_let_go_is_free_again(run):
    with ExitStack() as held, ExitStack() as other:
        assert claim(run, held) == (True, 0)
        assert claim(run, other) == (True, 1)
        held.close()
        assert claim(run, other) == (True, 0)


def test_agents_that_are_done_are_not_claimed(run):
    for agent in run.agents:
        save(run, agent, 0.99, test=evaluation(0.99), tests=1, reached=True)
    with ExitStack() as claims:
        assert claim(run, claims) == (False, None)
        assert claim(run, claims, round_=1) == (True, 0)
