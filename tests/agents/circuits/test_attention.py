"""Attention patterns, against the scores they come from."""

from __future__ import annotations

import numpy as np
import torch

from agents.circuits import attention_patterns


def test_patterns_are_the_softmax_of_the_scores_over_visible_keys(untrained, quizzes):
    tokens = torch.from_numpy(quizzes.tokens[:7].astype(np.int64))
    patterns = attention_patterns(untrained, tokens)
    assert patterns.shape == (7, 2, 2, 12, 12)
    assert patterns.dtype == np.float32
    np.testing.assert_allclose(patterns.sum(axis=-1), 1, rtol=1e-6)
    assert (patterns[..., *np.triu_indices(12, 1)] == 0).all()
    site = "blocks.1.attn.hook_attn_scores"
    scores = untrained.capture(tokens, [site])[site].numpy()
    weights = np.exp(scores[3, 1, 9, :10])
    np.testing.assert_allclose(patterns[3, 1, 1, 9, :10], weights / weights.sum(), atol=1e-6)
