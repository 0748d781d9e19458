"""Prompts that are read once: the same scores and the same writing as one row at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agents.generation import generate, noise
from agents.prompts import Prompts
from agents.scoring import score
from world import QuizBatch

START, EACH = 7, 6


@pytest.fixture(scope="module")
def tokens(quizzes):
    return torch.from_numpy(quizzes.tokens).long()[:40]


@pytest.fixture(scope="module")
def quiz(tokens):
    return torch.arange(len(tokens)).repeat_interleave(EACH)


def generator():
    return torch.Generator().manual_seed(0)


def test_scores_are_those_of_whole_quizzes(trained, untrained, strings, tokens, quiz):
    rows = tokens[quiz]
    rows[:, START:] = torch.randint(6, rows[:, START:].shape, generator=generator())
    batch = QuizBatch(
        rows.numpy().astype(np.uint8), np.zeros(len(rows), np.uint8), np.zeros(len(rows), np.int16)
    )
    for model in (trained, untrained):
        found = Prompts(model, tokens, START).log_prob(
            quiz, rows[:, START:], torch.ones_like(rows[:, START:], dtype=torch.bool), batch_size=50
        )
        assert found.numpy() == pytest.approx(score(model, strings, batch).log_prob, abs=1e-4)


@pytest.mark.parametrize("temperature", [0.0, 1.0, 3.0])
def test_writing_is_that_of_token_by_token(trained, untrained, strings, tokens, quiz, temperature):
    free = torch.arange(strings.seq_len) >= START
    heat = torch.full((len(quiz), strings.seq_len), temperature, dtype=torch.float64)
    allowed = torch.from_numpy(strings.allowed[0])
    barred = torch.zeros(allowed.shape).masked_fill(~allowed, float("-inf"))[free]
    offsets = barred + noise(heat[:, free], strings.vocab_size, generator())
    for model in (trained, untrained):
        given = generate(model, tokens[quiz], free, heat, allowed, generator())[:, START:]
        for guess in (tokens[quiz][:, START:], torch.zeros_like(given)):
            prompts = Prompts(model, tokens, START)
            assert torch.equal(prompts.write(quiz, guess, offsets, batch_size=64), given)


def test_no_rows(trained, tokens):
    none = torch.zeros(0, dtype=torch.int64)
    prompts = Prompts(trained, tokens, START)
    assert prompts.log_prob(none, tokens[none, START:], tokens[none, START:] > 0).shape == (0,)
    assert prompts.write(none, tokens[none, START:], torch.zeros(0, 5, 9)).shape == (0, 5)
