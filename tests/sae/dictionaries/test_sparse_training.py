"""The sparse step trains what sae_lens's trainer trains, step by step."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from sae_lens import BatchTopKTrainingSAE
from sae_lens.saes.sae import SAEMetadata
from torch.testing import assert_close

from sae.config import DictionaryConfig
from sae.dictionaries.architectures import architectures
from sae.dictionaries.architectures.of_sae_lens import BatchTopK
from sae.dictionaries.loop import make_trainer
from sae.dictionaries.schedule import learning_rate, steps_of
from sae.dictionaries.sparse_training import SparseTrainer, trains_sparsely

WIDTH = 16
CONFIG = DictionaryConfig(
    d_sae=64, k=8.0, training_tokens=64 * 50, batch_size=64, warmup_steps=7, dead_after=12
)
SCALE = 0.7


def fresh_sae(config=CONFIG):
    torch.manual_seed(0)
    sae = config.architecture(WIDTH, config, SAEMetadata())
    sae.b_dec.data = torch.randn(WIDTH)
    return sae


def of_sae_lens(sae):
    """The same SAE as sae_lens's own class."""
    theirs = BatchTopKTrainingSAE(sae.cfg)
    theirs.load_state_dict(sae.state_dict())
    return theirs


def batches(seed=1):
    generator = torch.Generator().manual_seed(seed)
    directions = torch.randn(40, WIDTH, generator=generator)
    while True:
        active = torch.rand(CONFIG.batch_size, 40, generator=generator) < 0.1
        yield 1 + active.float() @ directions


def assert_alike(found, expected):
    """In the mean: where two values tie but for rounding, another one may be kept in a row."""
    assert_close(found, expected, rtol=0, atol=0.1)
    assert float((found - expected).detach().abs().mean()) < 1e-5


@pytest.mark.parametrize(("learns_decoder", "aux"), [(True, 0), (True, 1), (True, 20), (False, 1)])
def test_every_step_is_that_of_sae_lens(learns_decoder, aux):
    """Over a whole schedule, without dead features, with few and with many."""
    config = replace(CONFIG, architecture=BatchTopK(aux_coefficient=float(aux)))
    sae = fresh_sae(config)
    theirs = of_sae_lens(sae)
    for each in (sae, theirs):
        each.W_dec.requires_grad_(learns_decoder)
    data, dead = batches(), set()
    ours = SparseTrainer(sae, config, SCALE)
    reference = make_trainer(theirs, data, config, SCALE)
    for step in range(steps_of(config)):
        batch = next(data)
        dead.add(int(reference.dead_neurons.sum()))
        rate = reference.optimizer.param_groups[0]["lr"]
        assert learning_rate(config, step) == pytest.approx(rate)
        expected, found = reference.step(batch), ours.step(batch)
        assert_close(found.sae_in, expected.sae_in)
        assert_alike(found.sae_out, expected.sae_out)
        for trainer in (ours, reference):
            trainer.n_training_steps += 1
    ours.finish()
    for name, value in theirs.state_dict().items():
        assert_alike(sae.state_dict()[name], value)
    assert 0 in dead
    assert max(dead) > WIDTH // 2
    if aux:
        assert min(dead - {0}) <= WIDTH // 2 + 1


def test_weights_move_and_a_frozen_decoder_does_not():
    for learns in (True, False):
        sae = fresh_sae()
        sae.W_dec.requires_grad_(learns)
        before = {name: value.clone() for name, value in sae.state_dict().items()}
        trainer = SparseTrainer(sae, CONFIG, SCALE)
        trainer.step(next(batches()))
        trainer.finish()
        moved = {n for n, value in sae.state_dict().items() if not torch.equal(value, before[n])}
        assert moved == {"W_enc", "b_enc", "b_dec", "topk_threshold"} | (
            {"W_dec"} if learns else set()
        )


def test_gradients_are_clipped_as_those_of_sae_lens():
    sae = fresh_sae()
    theirs = of_sae_lens(sae)
    ours, reference = (
        SparseTrainer(sae, CONFIG, 50.0),
        make_trainer(theirs, batches(), CONFIG, 50.0),
    )
    for step, batch in zip(range(10), batches(), strict=False):
        scaled = batch * (100.0 if step == 4 else 1.0)
        for trainer in (ours, reference):
            trainer.step(scaled)
            trainer.n_training_steps += 1
    ours.finish()
    assert_close(sae.W_enc, theirs.W_enc, rtol=0, atol=1e-4)
    assert_close(sae.W_dec, theirs.W_dec, rtol=0, atol=1e-4)


def test_a_batch_in_which_nothing_fires_leaves_the_threshold():
    sae = fresh_sae()
    sae.b_enc.data.fill_(-1e6)
    theirs = of_sae_lens(sae)
    ours, reference = (
        SparseTrainer(sae, CONFIG, SCALE),
        make_trainer(theirs, batches(), CONFIG, SCALE),
    )
    for _, batch in zip(range(3), batches(), strict=False):
        for trainer in (ours, reference):
            trainer.step(batch)
            trainer.n_training_steps += 1
    ours.finish()
    assert float(sae.topk_threshold) == float(theirs.topk_threshold) == 0
    assert_close(sae.b_dec, theirs.b_dec)


@pytest.mark.parametrize(
    ("change", "sparse"),
    [
        ({}, True),
        ({"k": 9.0}, False),
        *(
            ({"architecture": architectures[name](), "k": 5.0}, False)
            for name in ("topk", "matryoshka", "gated")
        ),
    ],
)
def test_other_saes_are_left_to_sae_lens(change, sparse):
    assert trains_sparsely(fresh_sae(replace(CONFIG, **change))) == sparse


def test_what_is_frozen_beside_the_decoder_is_left_to_sae_lens():
    sae = fresh_sae()
    sae.b_enc.requires_grad_(False)
    assert not trains_sparsely(sae)
    sae = fresh_sae().double()
    assert not trains_sparsely(sae)
