"""Evaluation: shares, by what they are told apart, and the loss of the answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from scipy.stats import binomtest
from torch.nn import functional as F

from agents.evaluation import evaluate, wilson_interval


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
