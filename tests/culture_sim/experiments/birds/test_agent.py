"""An agent as a unit, whatever interrupted it."""

from __future__ import annotations

import pytest
import torch

from agents.config import ModelConfig, TrainConfig
from agents.training import Learner
from culture_sim.experiments.birds.agent import Agent, load_agent, state_of
from culture_sim.experiments.units import Place, is_made, make
from tests.culture_sim.experiments.birds.conftest import WORLD
from world import UserError

TRAIN = TrainConfig(
    target=1.0, test_quizzes=8, validation_quizzes=8, recombined_quizzes=0, epoch_quizzes=32,
    max_quizzes=96, batch_size=32, precision="fp32",
)  # fmt: skip
MODEL = ModelConfig(d_model=16, n_layers=1, n_heads=1, d_mlp=16)
AGENT = Agent(world=WORLD, model=MODEL, train=TRAIN, seed=3, number=2)


@pytest.mark.slow
def test_an_interrupted_agent_ends_as_another(tmp_path, monkeypatch):
    whole, cut = Place(tmp_path / "whole"), Place(tmp_path / "cut")
    make(whole, AGENT)
    save, saved = Learner.save, []

    def interrupted(self, path, state):
        save(self, path, state)
        saved.append(self.quizzes)
        if len(saved) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Learner, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make(cut, AGENT)
    assert not is_made(cut, AGENT)
    make(cut, AGENT)
    assert saved == [32, 64, 96]
    assert is_made(cut, AGENT)
    state = state_of(cut, AGENT)
    assert (state.agent, state.quizzes, state.reached) == (2, 96, False)
    assert state.final_test == state_of(whole, AGENT).final_test
    weights, others = (load_agent(p, AGENT).state_dict() for p in (whole, cut))
    assert all(torch.equal(weights[name], others[name]) for name in weights)


def test_an_agent_without_a_checkpoint_is_missed(tmp_path):
    with pytest.raises(UserError, match="has no checkpoint; remove its folder"):
        state_of(Place(tmp_path), AGENT)
