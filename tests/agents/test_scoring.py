"""Scores: one teacher-forced pass tells which answers greedy decoding gets exactly right."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agents.scoring import answers, score


def reference(model, world, batch):
    """Scores of each row by itself, from float64 probabilities."""
    rows = []
    for tokens, layout in zip(batch.tokens, batch.layout, strict=True):
        tokens = torch.from_numpy(tokens).long()
        with torch.no_grad():
            probability = model(tokens[None])[0].double().softmax(-1)
        places = np.flatnonzero(world.kinds[layout] == 2)
        right = [int(probability[t].argmax()) == int(tokens[t]) for t in places]
        log_prob = sum(float(probability[t, tokens[t]].log()) for t in places)
        rows.append((all(right), right.count(False), log_prob))
    return [np.array(column) for column in zip(*rows, strict=True)]


def test_scores_equal_those_computed_row_by_row(trained, untrained, strings, quizzes):
    for model in (trained, untrained):
        scores = score(model, strings, quizzes)
        correct, wrong, log_prob = reference(model, strings, quizzes)
        dtypes = (scores.correct.dtype, scores.wrong_tokens.dtype, scores.log_prob.dtype)
        assert dtypes == (np.bool_, np.uint16, np.float32)
        assert np.array_equal(scores.correct, correct)
        assert np.array_equal(scores.wrong_tokens, wrong)
        np.testing.assert_allclose(scores.log_prob, log_prob, atol=2e-5)


def test_correct_means_that_greedy_decoding_reproduces_the_answer(
    trained, untrained, strings, quizzes
):
    for model in (trained, untrained):
        decoded = answers(model, strings, quizzes)
        exact = (decoded.tokens == quizzes.tokens).all(axis=1)
        assert np.array_equal(score(model, strings, quizzes).correct, exact)
    assert 0.1 < score(trained, strings, quizzes).correct.mean() < 0.99  # both outcomes are met


def test_answers_change_nothing_but_the_answer(untrained, strings, quizzes):
    decoded = answers(untrained, strings, quizzes).tokens
    prompt = strings.kinds[quizzes.layout] != 2
    assert np.array_equal(decoded[prompt], quizzes.tokens[prompt])
    assert not np.array_equal(decoded, quizzes.tokens)


@pytest.mark.parametrize("autocast", [False, True])
def test_a_row_does_not_depend_on_its_neighbours_or_its_place(trained, strings, quizzes, autocast):
    whole = score(trained, strings, quizzes, batch_size=50, autocast=autocast)
    for rows in (slice(7, 8), slice(31, 90), np.arange(119, -1, -1)):
        part = score(trained, strings, quizzes[rows], batch_size=50, autocast=autocast)
        assert np.array_equal(part.log_prob, whole.log_prob[rows])
        assert np.array_equal(part.wrong_tokens, whole.wrong_tokens[rows])


def test_bf16_only_when_asked(trained, strings, quizzes):
    full = score(trained, strings, quizzes).log_prob
    half = score(trained, strings, quizzes, autocast=True).log_prob
    assert not np.array_equal(full, half)
    np.testing.assert_allclose(full, half, atol=1.0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert np.array_equal(score(trained, strings, quizzes).log_prob, half)


def test_dropout_is_off_and_the_mode_is_put_back(untrained, strings, quizzes):
    expected = score(untrained, strings, quizzes).log_prob
    untrained.train()
    scores = score(untrained, strings, quizzes)
    assert untrained.training
    untrained.eval()
    assert np.array_equal(scores.log_prob, expected)


def test_no_quizzes_give_no_scores(untrained, strings, quizzes):
    assert score(untrained, strings, quizzes[:0]).correct.shape == (0,)
    assert answers(untrained, strings, quizzes[:0]).tokens.shape == (0, strings.seq_len)


def test_a_layout_without_answer_is_refused(untrained, strings, quizzes):
    proposed = strings.arrange(quizzes, strings.writing_layout)
    with pytest.raises(ValueError, match="with an answer to grade"):
        score(untrained, strings, proposed)
