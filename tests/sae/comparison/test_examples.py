"""Which quizzes are shown of a feature, its histogram, and its weights on the logits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agents.config import ModelConfig, architectures
from agents.model import build_model
from sae.comparison.examples import BINS, _best, _histogram, _quantised
from sae.comparison.logits import logit_weights

FIELDS = {"d_model": 32, "n_layers": 1, "n_heads": 2, "d_mlp": 64}


def test_one_writing_of_each_quiz_is_shown_the_best():
    peaks = np.array([0.2, 0.9, 1.0, 0.0, 0.9, 0.5])
    source = np.array([0, 1, 1, 2, 3, 4])
    assert _best(peaks, source).tolist() == [2, 4, 5, 0]
    assert _best(np.array([0.0, 0.3]), np.array([0, 1])).tolist() == [1, -1, -1, -1]


def test_bins_are_half_octaves_below_the_highest():
    level = np.array([1.0, 0.75, 0.7, 0.5, 0.4, 1e-9], dtype=np.float32)
    counts = _histogram(level)
    assert len(counts) == BINS
    assert counts[-4:].tolist() == [0, 2, 1, 2]
    assert counts[0] == 1


def test_nothing_that_fires_is_shown_as_silent():
    assert _quantised(np.array([1.0, 0.5, 1e-6])).tolist() == [255, 128, 1]


@pytest.mark.parametrize("architecture", sorted(architectures))
def test_logits_move_along_their_weights(architecture, small_world):
    """In a stream so long that a unit does not change its length, the readout moves by them."""
    model = build_model(
        ModelConfig(architecture=architectures[architecture](), **FIELDS), small_world, 0
    ).double()
    generator = torch.Generator().manual_seed(0)
    decoder = torch.randn(5, 32, generator=generator, dtype=torch.float64)
    found = logit_weights(model, "blocks.0.hook_resid_post", decoder)
    assert found.shape == (5, small_world.vocab_size)
    with torch.no_grad():
        base = 1e4 * torch.randn(32, generator=generator, dtype=torch.float64)
        # At right angles to the stream, so that its length stays as it is to first order.
        away = base - base.mean() if isinstance(model.ln_final, torch.nn.LayerNorm) else None
        scale = 1.0
        if away is not None:
            scale = float(away.pow(2).mean().sqrt())
            decoder = decoder - (decoder @ away)[:, None] * away / away.pow(2).sum()
            found = logit_weights(model, "blocks.0.hook_resid_post", decoder)
        read = lambda x: model.unembed(model.ln_final(x))  # noqa: E731
        moved = (read(base + decoder) - read(base)) * scale
    moved -= moved.mean(dim=1, keepdim=True)
    assert np.allclose(found, moved.numpy(), atol=1e-3)


def test_other_sites_have_no_weights_on_logits(small_world):
    model = build_model(ModelConfig(**FIELDS), small_world, 0)
    assert logit_weights(model, "blocks.0.mlp.hook_post", torch.ones(3, 64)) is None
