"""The strings of the exam, and what agents say of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agents.config import ModelConfig
from agents.model import AgentModel, build_model
from agents.scoring import score
from culture_sim.experiments.brackets.exam import (
    PARTS,
    SPREAD,
    Exam,
    as_asked,
    exam_of,
    examined,
    verdict_logits,
)
from world.brackets import BracketsWorld
from world.brackets.nesting import accepts, depths, heights
from world.brackets.scratch import NO, YES

EXAM = exam_of(20, 60)


def agent(world: BracketsWorld) -> AgentModel:
    return build_model(ModelConfig(d_model=16, n_layers=1, n_heads=2, d_mlp=16), world, 1).eval()


def test_parts_are_what_they_are_called() -> None:
    equal, spread, balanced = (EXAM.parts[name] for name in PARTS)
    assert accepts("count", equal).all()
    assert not accepts("nested", equal).any()
    assert not accepts("count", spread).any()
    assert len(np.unique(heights(spread)[:, -1])) > 8
    assert accepts("nested", balanced).all()
    assert len(np.unique(depths(balanced))) > 4


def test_strings_are_of_the_test_split_and_the_same_for_all() -> None:
    world = BracketsWorld(length=20)
    test = world.splits.index("test")
    assert (world.split_of(as_asked(world, EXAM.all)) == test).all()
    np.testing.assert_array_equal(Exam(20, 60).all, EXAM.all)


def test_values_of_a_part_are_found_again() -> None:
    values = heights(EXAM.all)[:, -1]
    for name in PARTS:
        np.testing.assert_array_equal(EXAM.part(values, name), heights(EXAM.parts[name])[:, -1])


def test_logits_say_what_a_vote_would() -> None:
    world = BracketsWorld(length=20)
    model, batch = agent(world), as_asked(world, EXAM.all)
    with torch.no_grad():
        # The two verdicts are opposite and the other tokens flat, so that one of the two is chosen.
        model.unembed.weight[[0, 1, 2, 5, 6]] = 0.0
        model.unembed.weight[NO] = -model.unembed.weight[YES]
    logits = verdict_logits(model, world, EXAM.all)
    known = examined(model, world, EXAM.all)
    np.testing.assert_array_equal(known["logits"], logits)
    right = score(model, world, batch).correct
    np.testing.assert_array_equal(known["first_wrong"] == -1, right)
    np.testing.assert_array_equal((logits > 0) == accepts("nested", EXAM.all), right)


@pytest.mark.parametrize("scratch", ["count", "cancel"])
def test_with_a_scratchpad_the_verdict_is_read_at_its_end(scratch: str) -> None:
    world = BracketsWorld(length=10, scratch=scratch, backwards=False)
    strings = exam_of(10, 10).parts[SPREAD]
    found = examined(agent(world), world, strings)
    assert set(found["logits"].tolist()) <= {-1.0, 0.0, 1.0}
    assert found["first_wrong"].min() >= -1
    # An untrained agent writes no scratchpad right.
    assert (found["first_wrong"] >= 0).any()
