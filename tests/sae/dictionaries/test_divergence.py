"""SAEs and crosscoders that diverge, or are shown what is no number, end in one line."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from sae.config import DictionaryConfig
from sae.crosscoder.config import CrosscoderConfig
from sae.crosscoder.training import train_crosscoder
from sae.dictionaries.architectures.of_sae_lens import BatchTopK, Gated, TopK
from sae.dictionaries.training import train_sae
from world.core.errors import UserError

SAE = DictionaryConfig(site="here", d_sae=64, k=4, training_tokens=64 * 128, batch_size=128)
CROSSCODER = CrosscoderConfig(d_sae=64, k=4, training_tokens=64 * 128, batch_size=128)
RATES = [1e4, 1e20, 1e38]


def batches(shape, spoil=lambda number, batch: batch):
    generator = torch.Generator().manual_seed(0)
    number = 0
    while True:
        yield spoil(number, torch.randn(128, *shape, generator=generator))
        number += 1


def one_line(error):
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(
    "architecture", [BatchTopK(), Gated(), TopK()], ids=lambda a: type(a).__name__
)
def test_an_sae_says_whose_it_is_and_what_to_lower(rate, architecture):
    config = replace(SAE, learning_rate=rate, architecture=architecture)
    with pytest.raises(UserError) as error:
        train_sae(batches([24]), config, 0, "run/3")
    said = one_line(error)
    assert said.startswith("the SAE of agent run/3 at here diverged")
    assert f"lower --sae.learning-rate (now {rate:g})" in said


@pytest.mark.parametrize("rate", RATES)
def test_a_crosscoder_says_what_to_lower(rate):
    with pytest.raises(UserError) as error:
        train_crosscoder(batches([2, 24]), range(2), replace(CROSSCODER, learning_rate=rate), 0)
    assert f"lower --crosscoder.learning-rate (now {rate:g})" in one_line(error)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0])
def test_activations_that_are_no_numbers_are_refused(value):
    def spoil(_, batch):
        return torch.full_like(batch, value)

    with pytest.raises(UserError, match=r"agent run/3 at here cannot be trained: activations"):
        train_sae(batches([24], spoil), SAE, 0, "run/3")
    with pytest.raises(UserError, match=r"the crosscoder cannot be trained: activations"):
        train_crosscoder(batches([2, 24], spoil), range(2), CROSSCODER, 0)


def test_numbers_that_appear_late_are_found():
    def spoil(number, batch):
        return batch * float("nan") if number == 50 else batch

    with pytest.raises(UserError, match="diverged after"):
        train_sae(batches([24], spoil), SAE, 0, "run/3")


@pytest.mark.parametrize("rate", [5e-3, 5e-2])
def test_usual_rates_go_on(rate):
    sae = train_sae(batches([24]), replace(SAE, learning_rate=rate), 0, "run/3")
    assert all(bool(weight.isfinite().all()) for weight in sae.parameters())
