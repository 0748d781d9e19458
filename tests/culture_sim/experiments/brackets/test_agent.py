"""One agent as a unit: what it leaves, and that an interruption changes nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agents.divergence import DivergenceError
from agents.training import Learner
from culture_sim.experiments.brackets import EPOCHS
from culture_sim.experiments.brackets.agent import Agent, load_agent, read_agent
from culture_sim.experiments.brackets.exam import EQUAL, verdict_logits
from culture_sim.experiments.units import Place, is_made, make


def test_what_it_leaves_is_read_back(place: Place, agents: tuple[Agent, ...]) -> None:
    agent = agents[0]
    assert is_made(place, agent)
    made = read_agent(place, agent)
    assert made is not None
    assert (made.total, len(made.curve)) == (40, EPOCHS)
    assert max(made.curve) == agent.train.max_quizzes
    logits = verdict_logits(load_agent(place, agent), agent.world, agent.exam.all)
    np.testing.assert_allclose(made.logits, logits, atol=1e-5)


def test_agents_of_a_setting_differ_and_names_say_what_they_are(
    place: Place, agents: tuple[Agent, ...]
) -> None:
    one, other = (read_agent(place, agent) for agent in agents[:2])
    assert one is not None
    assert other is not None
    assert not np.allclose(one.logits, other.logits)
    assert agents[1].name == "agents/q0-layers1-wd0-length16-seed1"
    world = replace(agents[0].world, backwards=False)
    assert replace(agents[0], world=world).name.endswith("length16-one_way-seed0")


@pytest.mark.slow
def test_one_that_was_interrupted_ends_the_same(
    place: Place, agents: tuple[Agent, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, saves = agents[0], []
    save = Learner.save

    def cut(self: Learner, *arguments: object) -> None:
        save(self, *arguments)  # type: ignore[arg-type]
        saves.append(self.quizzes)
        if len(saves) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(Learner, "save", cut)
    with pytest.raises(KeyboardInterrupt):
        make(Place(tmp_path), agent)
    assert not is_made(Place(tmp_path), agent)
    make(Place(tmp_path), agent)
    whole, again = (read_agent(where, agent) for where in (place, Place(tmp_path)))
    assert whole is not None
    assert again is not None
    np.testing.assert_array_equal(whole.logits, again.logits)
    assert whole.curve == again.curve


@pytest.mark.slow
def test_one_that_diverges_is_left_out(
    agents: tuple[Agent, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverge(*_: object) -> None:
        raise DivergenceError(64, "its loss is no number")

    monkeypatch.setattr(Learner, "train_epoch", diverge)
    make(Place(tmp_path), agents[0])
    assert is_made(Place(tmp_path), agents[0])
    assert read_agent(Place(tmp_path), agents[0]) is None
    measures = json.loads((tmp_path / agents[0].name / "measures.json").read_text())
    assert "no number" in measures["diverged"]


def test_equal_counts_are_scored_while_it_learns(place: Place, agents: tuple[Agent, ...]) -> None:
    made = read_agent(place, agents[0])
    assert made is not None
    last = made.curve[agents[0].train.max_quizzes]
    said = agents[0].exam.part(made.first_wrong, EQUAL) == -1
    assert last == pytest.approx(said.mean())
