"""Evaluation: shares, by what they are told apart, and the loss of the answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from scipy.stats import binomtest
from torch.nn import functional as F

from agents.config import ModelConfig
from agents.evaluation import evaluate, wilson_interval
from agents.model import build_model
from world import Stream
from world.grids.world import GridsWorld


def test_accuracy_and_loss_are_those_of_the_answers(trained, strings, quizzes):
    found = evaluate(trained, strings, quizzes, Accelerator(cpu=True))
    tokens = torch.from_numpy(quizzes.tokens).long()
    with torch.no_grad():
        logits = trained(tokens)
    answer = torch.from_numpy(strings.kinds[quizzes.layout] == 2)
    losses = F.cross_entropy(logits.mT, tokens, reduction="none")
    assert found.loss == pytest.approx(float(losses[answer].mean()), rel=1e-4)
    right = ((logits.argmax(-1) == tokens) | ~answer).all(dim=1).numpy()
    assert 0 < right.sum() < len(right)
    assert (found.correct, found.total) == (right.sum(), len(right))
    assert found.accuracy == pytest.approx(right.mean())
    assert found.low < found.accuracy < found.high
    for index, name in enumerate(strings.tasks):
        assert found.accuracy_by["task"][name] == pytest.approx(right[quizzes.task == index].mean())
    assert set(found.accuracy_by["layout"]) == {s.name for s in strings.layouts[:2]}
    assert np.mean(list(found.accuracy_by["layout"].values())) == pytest.approx(right.mean())


@pytest.mark.parametrize("total", [1, 7, 500, 2000])
def test_intervals_are_those_of_scipy(total):
    for hits in {0, 1, total // 3, total - 1, total}:
        interval = binomtest(hits, total).proportion_ci(0.95, method="wilson")
        assert wilson_interval(hits, total) == pytest.approx((interval.low, interval.high))


def test_any_right_answer_is_exact(monkeypatch):
    """An agent that answers another way each time than the quiz does, where it can."""
    world = GridsWorld(height=8, width=8, tasks=("translate_over",))
    drawn = world.draw(Stream(0, "several answers"), 0, 120, "test")
    quizzes = world.arrange(drawn, world.directions[1])
    others, rows = world.other_answers(quizzes)
    assert 0 < len(set(rows.tolist())) < 60
    answered = torch.from_numpy(quizzes.tokens).long()
    answered[torch.from_numpy(rows)] = torch.from_numpy(others.tokens).long()
    asked = torch.from_numpy(world.answer_mask(quizzes)[0])
    by_prompt = {tuple(row[~asked].tolist()): row for row in answered}
    model = build_model(ModelConfig(d_model=8, n_layers=1, n_heads=1, d_mlp=8), world, seed=0)

    def forward(tokens):
        blank = torch.zeros(world.seq_len, dtype=torch.int64)
        rows = [by_prompt.get(tuple(row[~asked].tolist()), blank) for row in tokens]
        return F.one_hot(torch.stack(rows), world.vocab_size).float()

    monkeypatch.setattr(model, "forward", forward)
    assert evaluate(model, world, quizzes, Accelerator(cpu=True)).accuracy == 1.0
    wrong = next(i for i in range(len(quizzes)) if i not in rows)
    answered[wrong, -1] = world.vocab_size - 1
    assert evaluate(model, world, quizzes, Accelerator(cpu=True)).correct == len(quizzes) - 1
