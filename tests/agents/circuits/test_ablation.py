"""Ablation at any site and token is what the whole network does under the same change."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agents.circuits import Downstream, ablate, mean_activations
from agents.scoring import graded_mask, score

INNER = ("blocks.1.attn.hook_z", "blocks.1.attn.hook_k", "blocks.1.attn.hook_v")
OUTER = ("blocks.1.hook_resid_pre", "blocks.1.hook_attn_out", "blocks.0.hook_mlp_out")


@pytest.fixture(scope="module")
def where(quizzes):
    """Tokens that differ from row to row."""
    return np.random.default_rng(0).random(quizzes.tokens.shape) < 0.5


@pytest.mark.parametrize("site", [*INNER, *OUTER])
@pytest.mark.parametrize("mean", [False, True])
def test_grades_are_those_of_the_whole_network(trained, strings, quizzes, where, site, mean):
    value = mean_activations(trained, quizzes, [site], where)[site]
    value = value if mean else torch.zeros_like(value)
    network = Downstream(trained, strings, quizzes, "blocks.0.hook_resid_pre")
    grades = ablate(network, site, value, where)
    mask = torch.from_numpy(where)[(..., *[None] * value.ndim)]
    tokens = torch.from_numpy(quizzes.tokens.astype(np.int64))
    with torch.no_grad(), trained.intervene({site: lambda x: torch.where(mask, value, x)}):
        log_probs = trained(tokens).log_softmax(-1)
    graded = graded_mask(strings, quizzes)
    loss = -(log_probs.gather(-1, tokens[..., None])[..., 0].numpy() * graded).sum(axis=1)
    exact = ((log_probs.argmax(-1) == tokens).numpy() | ~graded).all(axis=1)
    np.testing.assert_allclose(grades.loss, loss, rtol=0, atol=1e-4)
    assert (grades.exact == exact).all()
    assert np.abs(grades.loss - network.grades.loss).max() > 1e-2


def test_means_are_over_the_tokens_asked_for(trained, quizzes, where):
    sites = [*INNER, *OUTER]
    means = mean_activations(trained, quizzes, sites, where)
    tokens = torch.from_numpy(quizzes.tokens.astype(np.int64))
    for site, x in trained.capture(tokens, sites).items():
        expected = x[torch.from_numpy(where)].mean(dim=0)
        torch.testing.assert_close(means[site], expected, atol=1e-6, rtol=1e-5)


def test_nothing_ablated_changes_nothing(trained, strings, quizzes):
    network = Downstream(trained, strings, quizzes, "blocks.1.hook_resid_pre")
    nowhere = np.zeros(quizzes.tokens.shape, dtype=bool)
    grades = ablate(network, "blocks.1.hook_mlp_out", torch.zeros(32), nowhere)
    np.testing.assert_array_equal(grades.loss, network.grades.loss)
    scores = score(trained, strings, quizzes)
    assert (grades.exact == scores.correct).all()
    np.testing.assert_allclose(-grades.loss, scores.log_prob, rtol=0, atol=1e-4)


def test_quizzes_without_an_answer_are_refused(trained, strings, quizzes):
    proposed = strings.arrange(quizzes, strings.writing_layout)
    with pytest.raises(ValueError, match="with an answer to grade"):
        Downstream(trained, strings, proposed, "hook_embed")


@pytest.mark.parametrize("site", ["hook_embed", "blocks.0.attn.hook_pattern", *INNER, *OUTER])
def test_the_network_from_any_site_on_is_the_whole(trained, strings, quizzes, site):
    network = Downstream(trained, strings, quizzes, site)
    scores = score(trained, strings, quizzes)
    np.testing.assert_allclose(-network.grades.loss, scores.log_prob, rtol=0, atol=1e-4)
    assert (network.grades.exact == scores.correct).all()
    rows = np.array([3, 100])
    again = network.grade(rows, network.site_values[torch.from_numpy(rows)] * 0.3)
    assert (np.abs(again.loss - network.grades.loss[rows]) > 1e-3).all()
