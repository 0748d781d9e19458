"""The state of an agent in training: what goes to disk comes back, and what a round forgets."""

import json
from dataclasses import replace

import pytest
import torch

from agents.checkpoint import save_checkpoint
from culture_sim.run.config import RunConfig
from culture_sim.run.run import Run
from culture_sim.run.state import COURSE, AgentState
from tests.helpers.made_states import evaluation
from world.core.errors import UserError


@pytest.fixture
def state():
    return AgentState(
        3,
        round=1,
        round_began=4000,
        quizzes=8000,
        seconds=2.5,
        validation=evaluation(0.97),
        test=evaluation(0.96),
        tests=2,
        reached=True,
        final_test=evaluation(0.95),
        culture_before=evaluation(0.5),
        culture_after=evaluation(0.6),
    ).with_course()


def test_a_state_comes_back_from_json(state):
    assert AgentState.from_json(json.loads(json.dumps(state.to_json()))) == state
    assert AgentState.from_json({"agent": 2}) == AgentState(2)


def test_a_round_begins_without_the_results_of_the_one_before(state):
    entered = state.entering(2, 8000)
    assert (entered.round, entered.round_began, entered.tests, entered.reached) == (
        2,
        8000,
        0,
        False,
    )
    assert entered.test is entered.final_test is entered.culture_after is None
    assert (entered.validation, entered.course) == (state.validation, state.course)


def test_the_course_has_each_round_once(state):
    later = replace(state.entering(2, 8000), quizzes=12_000).with_course()
    again = replace(later, tests=5).with_course()
    assert [entry["round"] for entry in again.course] == [1, 2]
    assert again.course[0] == state.course[0]
    assert set(again.course[1]) == set(COURSE)
    assert (again.course[1]["tests"], again.course[1]["quizzes"]) == (5, 12_000)
    assert state.course[0]["culture_after"] == state.culture_after.as_dict()


def test_of_an_imported_agent_nobody_knows_how_much_it_learned(state):
    imported = replace(state, imported={"from": "a.pth", "quizzes": None}).with_course()
    told = imported.told()
    assert (told["quizzes"], told["seconds"], told["tests"]) == (None, None, 2)
    assert imported.course[-1]["quizzes"] is None
    assert state.told() == state.to_json()
    assert AgentState.from_json(json.loads(json.dumps(imported.to_json()))) == imported


def test_a_state_with_other_keys_is_refused_in_a_line(tmp_path):
    run, weights = Run.start(tmp_path / "run", RunConfig(), "compact"), {"w": torch.zeros(1)}
    save_checkpoint(run.agent_path(0), weights, weights, {"agent": 0, "gate": 0.9})
    with pytest.raises(UserError, match=r"agents/0/state\.json was not written by this version"):
        run.agent_state(0)
