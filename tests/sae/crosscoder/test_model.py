"""A crosscoder is an SAE of sae_lens but for the lengths that decide what is active."""

from __future__ import annotations

import pytest
import torch
from sae_lens import SAE, BatchTopKTrainingSAEConfig
from sae_lens.saes.sae import TrainStepInput

from sae.crosscoder.model import CrosscoderSAE, as_crosscoder, load_crosscoder
from sae.crosscoder.training import train_crosscoder
from sae.dictionaries.batch_topk import QuickBatchTopKSAE
from sae.dictionaries.training import save_sae
from tests.helpers.planted import AGENTS, Planted
from tests.sae.crosscoder.test_training import SHORT

ROWS, D, FEATURES = 40, 6, 64


def configuration(agents: int) -> BatchTopKTrainingSAEConfig:
    return BatchTopKTrainingSAEConfig(d_in=agents * D, d_sae=FEATURES, k=6.0)


def step(sae, dead: int):
    torch.manual_seed(3)
    x = torch.randn(ROWS, sae.cfg.d_in)
    mask = torch.arange(FEATURES) < dead
    output = sae.training_forward_pass(TrainStepInput(x, {}, mask, 0, False))
    output.loss.backward()
    return output


@pytest.mark.parametrize("dead", [0, 2, 30])
def test_with_one_agent_it_is_the_plain_sae(dead):
    found = []
    for make in (lambda c: CrosscoderSAE(c, 1), QuickBatchTopKSAE):
        torch.manual_seed(0)
        sae = make(configuration(1))
        output = step(sae, dead)
        found.append([output.loss, output.feature_acts, *(p.grad for p in sae.parameters())])
    for ours, plain in zip(*found, strict=True):
        torch.testing.assert_close(ours, plain)


def test_active_are_the_greatest_by_summed_lengths():
    torch.manual_seed(0)
    sae = CrosscoderSAE(configuration(AGENTS), AGENTS)
    sae.W_dec.data = torch.randn_like(sae.W_dec)
    output = step(sae, 0)
    torch.manual_seed(3)
    x = torch.randn(ROWS, AGENTS * D)
    plain = x @ sae.W_enc + sae.b_enc
    lengths = sum(part.norm(dim=1) for part in sae.W_dec.split(D, dim=1))
    score = plain * lengths
    least = score.flatten().topk(6 * ROWS).values.min()
    active = score >= least
    assert torch.equal(output.feature_acts > 0, active)
    torch.testing.assert_close(output.sae_out, (plain * active) @ sae.W_dec + sae.b_dec)


def test_auxiliary_loss_is_the_error_of_dead_features():
    torch.manual_seed(0)
    sae = CrosscoderSAE(configuration(AGENTS), AGENTS)
    output = step(sae, 5)
    torch.manual_seed(3)
    x = torch.randn(ROWS, AGENTS * D)
    dead = (x @ sae.W_enc + sae.b_enc)[:, :5] @ sae.W_dec[:5]
    error = (dead - (x - output.sae_out)).pow(2).sum(dim=1).mean()
    expected = error * 5 / (AGENTS * D // 2)
    torch.testing.assert_close(output.losses["auxiliary_reconstruction_loss"], expected)


def test_folder_is_sae_lens_s_and_gives_the_codes_of_training(tmp_path):
    planted = Planted(1)
    sae = train_crosscoder(planted.batches(256), range(AGENTS), SHORT, 0, "some.site")
    save_sae(sae, tmp_path / "0", lambda _: {})
    found = load_crosscoder(tmp_path / "0")
    assert found.agents == tuple(range(AGENTS))
    assert SAE.load_from_disk(tmp_path / "0").cfg.metadata.hook_name == "some.site"
    torch.testing.assert_close(found.decoder.norm(dim=-1).sum(dim=1), torch.ones(SHORT.d_sae))
    x = found.scaled(planted.draw(500)[0])
    hidden = sae.encode_with_hidden_pre(x.flatten(1))[1]
    expected = torch.where(hidden > float(sae.topk_threshold), hidden, 0.0)
    torch.testing.assert_close(found.encode(x), expected.detach(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(
        found.decode(expected.detach()).flatten(1),
        sae.decode(expected).detach(),
        rtol=1e-4,
        atol=1e-4,
    )


def test_damaged_folder_is_one_clear_line(tmp_path):
    with pytest.raises(ValueError, match="holds no readable SAE"):
        load_crosscoder(tmp_path)


def test_metadata_name_agents_and_scales(tmp_path):
    sae = train_crosscoder(Planted(1).batches(256), [3, 1, 4, 0, 2], SHORT, 0)
    seen = []
    save_sae(sae, tmp_path / "0", lambda saved: {"n": seen.append(as_crosscoder(saved))})
    assert seen[0].agents == (3, 1, 4, 0, 2)
    assert seen[0].scales.shape == (AGENTS,)
