"""Agents that an experiment's populations begin with: copies of checkpoints."""

from __future__ import annotations

import json

import pytest
import torch

from agents.checkpoint import STATE, read_model, read_state, save_checkpoint
from culture_sim.experiments.runs import copy_agent
from world.core.errors import UserError


def test_a_copy_is_there_whole_or_not_at_all(tmp_path):
    """One that a damaged state cut off is made again from a whole one, and not gone on with."""
    agent, copy = tmp_path / "agent", tmp_path / "population" / "0"
    save_checkpoint(agent, {"w": torch.ones(2)}, {"m": torch.zeros(2)}, {"steps": 3})
    whole = (agent / STATE).read_text()
    (agent / STATE).write_text(json.dumps({**json.loads(whole), "steps": 4}))
    with pytest.raises(UserError, match="to train that agent again"):
        copy_agent(agent, copy, {"round": 0})
    assert not copy.exists()
    (agent / STATE).write_text(whole)
    copy_agent(agent, copy, {"round": 0})
    state = read_state(copy)
    assert state is not None
    assert (state["steps"], state["round"]) == (3, 0)
    assert read_model(copy)["w"].tolist() == [1.0, 1.0]
    assert [path.name for path in copy.parent.iterdir()] == ["0"]
