"""A world's counterfactuals are pairs that activation patching can take as they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from agents.circuits import activation_patching, logit_difference
from agents.config import ModelConfig
from agents.model import build_model
from world import Stream
from world.strings.world import StringsWorld

WORLD = StringsWorld()


@pytest.fixture(scope="module", params=WORLD.counterfactuals)
def pairs(request):
    """Pairs of the world's sequences, in every answer layout."""
    drawn = WORLD.draw(Stream(0, "counterfactuals"), 0, 24, "test")
    layouts = np.resize(np.array(WORLD.answer_layouts, dtype=np.uint8), 24)
    batch = WORLD.arrange(drawn, layouts)
    counterfactual = WORLD.counterfactual(batch, request.param, np.random.default_rng(0))
    assert len(counterfactual.position) > 5
    return counterfactual


@pytest.fixture(scope="module")
def runs(pairs):
    """The tokens of either sequence, int64, and the metric of a pair."""
    clean, changed = (
        torch.from_numpy(batch.tokens.astype(np.int64)) for batch in (pairs.clean, pairs.changed)
    )
    position, contrast = torch.from_numpy(pairs.position), torch.from_numpy(pairs.contrast)
    return clean, changed, logit_difference(position, contrast[:, 0], contrast[:, 1])


def test_the_contrast_is_of_the_two_right_tokens(runs):
    """Of logits that are 1 at the right token and 0 elsewhere it is 1, and -1 after the change."""
    clean, changed, metric = runs
    for tokens, expected in ((clean, 1.0), (changed, -1.0)):
        assert (metric(F.one_hot(tokens, WORLD.vocab_size).float()) == expected).all()


def test_the_whole_residual_stream_carries_the_whole_answer(runs):
    """Put into a run on the clean sequences, at any depth, it leaves nothing of them."""
    clean, changed, metric = runs
    config = ModelConfig(d_model=32, n_layers=2, n_heads=2, d_mlp=64)
    model = build_model(config, WORLD, seed=0).eval()
    streams = [site for site in model.site_names() if "hook_resid" in site]
    assert len(streams) == 6
    result = activation_patching(model, clean, changed, streams, metric)
    with torch.no_grad():
        assert torch.equal(result.tokens, metric(model(clean)))
        assert torch.equal(result.source, metric(model(changed)))
    assert (result.tokens != result.source).any()
    for site in streams:
        assert torch.equal(result.patched[site], result.source), site
