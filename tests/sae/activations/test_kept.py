"""Activations that are kept are those that an agent gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sae.activations import kept
from sae.activations.harvest import activation_chunks, activations
from sae.activations.kept import KeptActivations
from sae.activations.quizzes import held_out_quizzes
from tests.sae.conftest import SITE
from world import Stream


@pytest.fixture(scope="module")
def batch(small_world):
    return held_out_quizzes(small_world, Stream(0, "test-kept"), 150)


@pytest.fixture
def passes(monkeypatch):
    """How many quizzes each pass of an agent was asked for."""
    asked = []

    def counted(model, world, quizzes, site):
        asked.append(len(quizzes))
        return activation_chunks(model, world, quizzes, site)

    monkeypatch.setattr(kept, "activation_chunks", counted)
    return asked


@pytest.mark.parametrize("budget", [1 << 30, 3 << 20, 0])
def test_whoever_asks_gets_the_same_rows(budget, agents, small_world, batch, passes, monkeypatch):
    """One agent's activations take 1.9 MB: room for all, for one and for none."""
    monkeypatch.setattr(kept, "BUDGET", budget)
    by_number = dict(enumerate(agents))
    found = KeptActivations(by_number, small_world, batch, SITE)
    some = np.array([3, 4, 70, 149])
    for agent, model in by_number.items():
        for quizzes in (batch, batch[:40], batch[40:80], batch):
            x = torch.cat(list(found.chunks(agent, quizzes)))
            torch.testing.assert_close(x, activations(model, small_world, quizzes, SITE))
        x = found.of_some(agent, some)
        torch.testing.assert_close(x, activations(model, small_world, batch[some], SITE))
    again, once = [150, 40, 40, 150], [150, 40]
    assert passes == {1 << 30: once + once, 3 << 20: once + again, 0: again + again}[budget]


def test_the_same_tokens_in_another_layout_are_other_quizzes(agents, small_world, batch, passes):
    found = KeptActivations({0: agents[0]}, small_world, batch, SITE)
    torch.cat(list(found.chunks(0, batch)))
    torch.cat(list(found.chunks(0, small_world.arrange(batch, 1)[:20])))
    assert passes == [150, 20]
