"""Features exchanged at one place: a planted direction comes first; sites are the agent's own."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from agents import shift
from agents.circuits import logit_difference
from agents.circuits.paths import Network, Prompts
from agents.config import ModelConfig
from agents.model import build_model
from sae.effects.carriers import carried, contrast, like
from sae.effects.exchange import ALL, QUERIES, exchange
from tests.helpers.planted_circuits import NAMES_LENGTH, VOCABULARY, letters, names_network
from tests.helpers.planted_circuits import names_prompts as prompts
from world.core.errors import UserError
from world.names import NamesWorld

pytestmark = pytest.mark.usefixtures("unchecked")
COUNT = 16
INHIBITED = VOCABULARY + 3 * NAMES_LENGTH
WIDTH = 3 * VOCABULARY + 4 * NAMES_LENGTH
"""Where the planted stream says which places are inhibited, and how wide it is."""


def dictionary(encoder, bias, decoder):
    """An SAE as far as features are exchanged."""
    return SimpleNamespace(
        cfg=SimpleNamespace(
            d_sae=len(decoder), normalize_activations="none", reshape_activations="none"
        ),
        encode=lambda x: torch.relu(x @ encoder.T + bias),
        W_dec=decoder,
    )


def planted_exchange(features):
    """At the end, behind layer 1 of the planted circuit of names; the other of the two gives.

    features: of rows encoder, bias and decoder each.
    """
    network = Network(names_network())
    a, b = letters(COUNT, 2, seed=3).unbind(1)
    base = network.read(prompts(torch.stack([a, b, b], 1)))
    changed = network.read(prompts(torch.stack([a, b, a], 1)))
    end = base.prompts.columns["END"]
    encoder, bias, decoder = (torch.stack(rows) for rows in zip(*features, strict=True))
    found = exchange(
        network,
        base,
        changed,
        "blocks.1.hook_resid_post",
        dictionary(encoder, bias, decoder),
        "END",
        lambda rows: logit_difference(end[rows], a[rows], b[rows]),
    )
    metric = logit_difference(end, a, b)(base.logits)
    return found, float(metric.mean())


def planted_features():
    """Many that read what a bystander writes; then the inhibition of the first place in place of
    the second, and a weak copy of it."""
    generator = torch.Generator().manual_seed(0)
    junk = slice(WIDTH - VOCABULARY, WIDTH)
    features = []
    for _ in range(10):
        direction = torch.zeros(WIDTH)
        direction[junk] = torch.randn(VOCABULARY, generator=generator)
        features.append((direction, torch.tensor(0.0), direction))
    told = torch.zeros(WIDTH)
    told[INHIBITED + 1], told[INHIBITED + 2] = 1.0, -1.0
    features.append((told, torch.tensor(1.0), 0.5 * told))
    features.append((told, torch.tensor(1.0), 0.02 * told))
    return features


def test_the_planted_inhibition_direction_comes_first():
    found, metric = planted_exchange(planted_features())
    of = carried(found, QUERIES, metric, np.random.default_rng(0), resamples=50, draws=4)
    assert of.told
    assert of.whole == pytest.approx(-2.0, abs=1e-4)
    assert of.order[0] == 10
    assert of.share[10] == pytest.approx(1.0, abs=1e-4)
    assert np.abs(of.share[:10]).max() < 1e-6
    assert np.flatnonzero(of.carriers).tolist() == [10]
    first = of.top[0]
    assert (first.features, first.share) == (1, pytest.approx(1.0, abs=1e-4))
    assert first.others == pytest.approx(0.0, abs=0.05)
    # Nobody else reads it: the queries are all that is told, and no feature has what is left out.
    everything = carried(found, ALL, metric, np.random.default_rng(0), resamples=50, draws=4)
    assert everything.share[10] == pytest.approx(1.0, abs=1e-4)


def test_where_nothing_is_told_nothing_carries_it():
    """A site behind the last layer, whose queries nobody has."""
    found, metric = planted_exchange(planted_features())
    found = type(found)(**{**vars(found), "layer": 3, "base": found.base})
    of = carried(found, QUERIES, metric, np.random.default_rng(0), resamples=20)
    assert not of.told
    assert not of.carriers.any()
    assert of.whole == 0.0


SITES = ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out")


@pytest.fixture(scope="module")
def agent():
    world = NamesWorld(names=6, templates=1, prefix=0, gap=0, floats=0, tasks=("abb", "bab"))
    model = build_model(ModelConfig(d_model=8, n_layers=2, n_heads=2, d_mlp=16), world, seed=0)
    generator = torch.Generator().manual_seed(0)
    for weight in model.parameters():
        weight.data += 0.3 * torch.randn(weight.shape, generator=generator)
    return model.eval().requires_grad_(False), world


@pytest.mark.parametrize("kind", SITES)
def test_a_site_is_what_the_agent_has_there(agent, kind):
    """One feature put into the agent's own run at the site, by its hooks, has the same effect."""
    model, world = agent
    generator = torch.Generator().manual_seed(1)
    tokens, others = torch.randint(1, world.vocab_size, (2, 5, world.seq_len), generator=generator)
    end = torch.tensor([4, 5, 6, 5, 4])
    right, wrong = torch.full((5,), 3), torch.full((5,), 5)
    network = Network(model.to_transformer_lens())
    base, changed = (network.read(Prompts(shift(t), {"end": end})) for t in (tokens, others))
    decoder = torch.randn(3, 8, generator=generator)
    sae = dictionary(torch.randn(3, 8, generator=generator), torch.ones(3), decoder)
    site = f"blocks.0.hook_{kind}"

    def metric_of(rows):
        return logit_difference(end[rows], right[rows], wrong[rows])

    found = exchange(network, base, changed, site, sae, "end", metric_of)
    row = torch.arange(5)
    x, y = (model.capture(t, [site])[site][row, end] for t in (tokens, others))
    added = (sae.encode(y) - sae.encode(x))[:, 1:2] * decoder[1]

    def put(change):
        def patched(activation):
            activation = activation.clone()
            activation[row, end] += change
            return activation

        with torch.no_grad(), model.intervene({site: patched}):
            moved = metric_of(row)(model(tokens))
        return (moved - metric_of(row)(model(tokens))).double().numpy()

    assert found.single(ALL)[:, 1] == pytest.approx(put(added), abs=1e-4)
    assert found.together([1], ALL) == pytest.approx(put(added), abs=1e-4)
    assert found.whole(ALL) == pytest.approx(put(y - x), abs=1e-4)
    left = (y - x) - (sae.encode(y) - sae.encode(x)) @ decoder
    assert found.left_out(ALL) == pytest.approx(put(left), abs=1e-4)


def test_a_site_that_is_not_in_the_stream_is_refused():
    sae = dictionary(torch.ones(1, 8), torch.ones(1), torch.ones(1, 8))
    with pytest.raises(UserError, match=r"blocks\.0\.attn\.hook_z are not exchanged"):
        exchange(None, None, None, "blocks.0.attn.hook_z", sae, "end", None)


def test_others_fire_about_as_often():
    fires = np.array([0.5, 0.51, 0.49, 0.52, 0.48, 0.5, 0.01, 0.9, 0.0])
    rng = np.random.default_rng(0)
    drawn = [like(np.array([0]), fires, np.array([0, 5]), rng)[0] for _ in range(60)]
    assert set(drawn) == {1, 2, 3, 4, 7}  # five, the last of them for want of another
    several = like(np.array([0, 5]), fires, np.array([0, 5]), rng)
    assert len(set(several.tolist())) == 2


def test_a_contrast_is_of_pairs():
    rng = np.random.default_rng(0)
    of = contrast([1.0, 1.0, 0.0, 1.0], [0.5, 0.5, 0.0, 0.5], rng)
    assert (of.of_features, of.of_others, of.difference) == (0.75, 0.375, 0.375)
    assert of.interval[0] >= 0.0
    assert of.interval[1] == 0.5
    assert contrast([], [], rng).features == 0
