"""A run opened in Python holds what is on disk, and says what is missing."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

import culture_sim
from culture_sim.culture.store import CultureStore
from culture_sim.run.run import Run
from world import UserError


@pytest.fixture(scope="module")
def opened(runs):
    return culture_sim.open_run(runs / "smoke")


def test_agents_are_those_on_disk(opened):
    run = Run.open(opened.path)
    assert len(opened.agents) == run.config.agents == len(opened.training)
    for number, agent in enumerate(opened.agents):
        assert not agent.training
        assert torch.equal(agent.unembed.weight, run.load_agent(number).unembed.weight)
        accuracy = opened.training.accuracy[number]
        assert accuracy == run.agent_state(number).test.accuracy


def test_quizzes_are_held_out(opened):
    quizzes = opened.quizzes(30)
    assert (opened.world.split_of(quizzes.batch) == 1).all()
    assert len(set(quizzes.batch.layout.tolist())) == len(opened.world.answer_layouts)
    assert "<svg" in quizzes._repr_html_()


def test_votes_are_those_of_the_store(opened):
    store = CultureStore(opened.path / "culture")
    votes, table = store.votes(1), store.table(1)
    frame = opened.votes
    assert len(frame) == len(votes)
    assert frame.hash.tolist() == table["hash"].to_pylist()
    solved = frame.filter(regex=r"^solved_\d+$").to_numpy()
    assert np.array_equal(solved, votes.solves)
    assert len(opened.culture) == frame.keep.sum()


def test_features_are_tables(opened):
    matches, features = opened.matches(), opened.features()
    assert set(matches.agent_a) == set(range(opened.config.agents))
    assert {"r", "null_r", "ceiling_r"} <= set(matches.columns)
    assert len(opened.saes()) == opened.config.agents
    assert len(features)
    assert len(opened.families().columns)
    assert set(opened.summary) >= {"training", "culture", "features"}


def test_a_run_shows_itself(opened):
    assert "5 agents" in repr(opened)
    assert "<table" in opened._repr_html_()


def test_what_is_missing_is_said_in_a_line(tmp_path):
    with pytest.raises(UserError, match=r"^there is no run at .*; start one with"):
        culture_sim.open_run(tmp_path / "none")


@pytest.mark.slow
def test_the_face_is_documented_and_loads_nothing_early():
    script = "import sys, culture_sim; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
    for name in culture_sim.__all__:
        assert getattr(culture_sim, name).__doc__, name
        assert name in dir(culture_sim)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        culture_sim.nothing  # noqa: B018
