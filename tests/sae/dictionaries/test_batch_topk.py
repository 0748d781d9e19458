"""The quick BatchTopK SAE gives what sae_lens's own gives."""

from __future__ import annotations

import pytest
import torch
from sae_lens import BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig
from sae_lens.saes.batchtopk_sae import BatchTopK as TheirBatchTopK
from sae_lens.saes.sae import TrainStepInput

from sae.dictionaries import batch_topk
from sae.dictionaries.batch_topk import BatchTopK, QuickBatchTopKSAE

ROWS, D, FEATURES = 40, 16, 64


@pytest.mark.parametrize("searched_on", [("cpu",), ()], ids=["search", "sort"])
@pytest.mark.parametrize("k", [0.5, 6.0, 30.0, 64.0])
def test_keeps_the_same_values(k, searched_on, monkeypatch):
    """Whether the threshold is searched for, or found by sorting as on a GPU."""
    monkeypatch.setattr(batch_topk, "SEARCHED_ON", searched_on)
    ours, theirs = BatchTopK(k), TheirBatchTopK(k)
    for seed, scale in enumerate([1.0, 0.9, 3.0, 0.1, 0.1]):  # the last threshold misleads, too
        x = scale * torch.randn(ROWS, FEATURES, generator=torch.Generator().manual_seed(seed))
        assert torch.equal(ours(x), theirs(x))


def test_keeps_what_is_positive_when_that_is_few():
    x = -torch.rand(ROWS, FEATURES)
    x[3, 5] = 2.0
    kept = BatchTopK(6.0)(x)
    assert kept[3, 5] == 2.0
    assert kept.count_nonzero() == 1


@pytest.mark.parametrize("dead", [0, 1, 5, 30])
@pytest.mark.parametrize("rescale", [True, False])
def test_losses_and_gradients_are_those_of_sae_lens(dead, rescale):
    config = BatchTopKTrainingSAEConfig(
        d_in=D, d_sae=FEATURES, k=6.0, rescale_acts_by_decoder_norm=rescale
    )
    found = []
    for kind in (BatchTopKTrainingSAE, QuickBatchTopKSAE):
        torch.manual_seed(0)
        sae = kind(config)
        step = TrainStepInput(
            sae_in=torch.randn(ROWS, D),
            coefficients={},
            dead_neuron_mask=torch.arange(FEATURES) < dead,
            n_training_steps=0,
            is_logging_step=False,
        )
        output = sae.training_forward_pass(step)
        output.loss.backward()
        gradients = [parameter.grad for parameter in sae.parameters()]
        found.append([output.loss, output.losses["auxiliary_reconstruction_loss"], *gradients])
    assert (found[0][1] > 0) == (dead > 0)
    for theirs, ours in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)
