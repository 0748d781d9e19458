"""Agents learn in any world: of quizzes with padding, and of the core alone with wide tokens."""

from __future__ import annotations

import numpy as np
import pytest
from accelerate import Accelerator

from agents.config import ModelConfig, TrainConfig
from agents.scoring import answers, graded_mask, score
from agents.training import Learner, mixed_draw, unseen_quizzes
from tests.helpers.count_world import CountWorld
from world import Stream, concatenate, worlds

SIZE = ModelConfig(d_model=32, n_layers=2, n_heads=2, d_mlp=64)
TRAIN = TrainConfig(epoch_quizzes=1920, learning_rate=0.02, warmup_steps=10, precision="fp32")
SHIFT = worlds["strings"](length=3, letters=4, tasks=("shift",))
WORLDS = {"strings": SHIFT, "count": CountWorld()}
TARGET = 0.95


@pytest.fixture(scope="module", params=list(WORLDS))
def learned(request):
    """A world, an agent after two epochs in it, and its loss before."""
    world = WORLDS[request.param]
    learner = Learner(SIZE, TRAIN, world, Stream(0, ""), Accelerator(cpu=True))
    test = unseen_quizzes(world, Stream(0, "test"), 200)
    before = learner.evaluate(test).loss
    for _ in range(2):
        for _ in learner.train_epoch(mixed_draw(world, learner.stream)):
            pass
    return world, learner, test, before


def test_the_loss_of_answers_falls(learned):
    world, learner, test, before = learned
    after = learner.evaluate(test)
    assert after.loss < 0.8 * before
    assert set(after.accuracy_by) == set(world.groups)


def test_padding_is_not_graded(learned):
    world, learner, test, _ = learned
    graded = graded_mask(world, test)
    assert not graded[world.part_of(test) < 0].any()
    scores = score(learner.averaged, world, test)
    assert (scores.wrong_tokens <= graded.sum(axis=1)).all()


def test_an_agent_reaches_its_target_and_its_answers_end_by_themselves():
    """Exact answers are those that decoding reproduces, where their length is not given either."""
    world = WORLDS["strings"]
    learner = Learner(SIZE, TRAIN, world, Stream(1, ""), Accelerator(cpu=True))
    test = unseen_quizzes(world, Stream(0, "test"), 300)
    for _ in range(40):
        for _ in learner.train_epoch(mixed_draw(world, learner.stream)):
            pass
        if learner.evaluate(test).accuracy >= TARGET:
            break
    assert learner.evaluate(test).accuracy >= TARGET
    reverse = world.with_tasks(("reverse",))
    other = reverse.for_exam(reverse.draw(Stream(0, "other"), 0, 100, "train"))
    both = concatenate([test, other])
    exact = (answers(learner.averaged, world, both).tokens == both.tokens).all(axis=1)
    assert np.array_equal(score(learner.averaged, world, both).correct, exact)
    assert exact[: len(test)].mean() >= TARGET
    assert not exact[len(test) :].all()
