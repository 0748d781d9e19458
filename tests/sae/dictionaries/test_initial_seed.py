"""A planted confound: SAEs of unrelated agents that start from one seed, and what exposes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from sae.activations.codes import encode
from sae.comparison.compare import Comparison, compare_features
from sae.comparison.significance import MAX_Q
from sae.config import DictionaryConfig
from sae.dictionaries.training import load_sae, save_sae, train_sae
from sae.matching.alignment import align
from sae.matching.features import select_features
from tests.sae.comparison.test_compare import CONFIG, EVALUATION, STREAM, events, rows

WIDTH, SOURCES = 32, 48
SHORT = DictionaryConfig(d_sae=64, k=6.0, training_tokens=30_000, dead_after=16, learning_rate=3e-3)

__all__ = ["rows"]


@dataclass(frozen=True)
class Planted:
    """Two agents, two SAEs each. activations: float32 [N, d]. decoders: of their first SAEs."""

    found: Comparison
    activations: list[Tensor]
    decoders: list[Tensor]


def batches(x, rng):
    while True:
        yield x[rng.choice(len(x), SHORT.batch_size)]


def planted(rows, path, seeds):
    """Agents of other sources and other directions; ``seeds``: of the SAEs of either."""
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(2, SOURCES, WIDTH))
    x = [torch.from_numpy(events(rng, rows, SOURCES, 0.05) @ of).float() for of in directions]
    features, decoders = {}, []
    for agent in range(2):
        saes = []
        for seed in seeds[agent]:
            sae = train_sae(batches(x[agent], rng), SHORT, seed, "x")
            save_sae(sae, path / "sae", lambda _: {})
            saes.append(load_sae(path / "sae"))
        features[agent] = [select_features(encode(s, x[agent]), EVALUATION, 15) for s in saes]
        decoders.append(saes[0].W_dec)
    return Planted(compare_features(features, rows, CONFIG, STREAM), x, decoders)


@pytest.fixture(scope="module")
def one_seed(rows, tmp_path_factory):
    return planted(rows, tmp_path_factory.mktemp("one"), [(1, 1), (1, 1)])


@pytest.fixture(scope="module")
def own_seeds(rows, tmp_path_factory):
    return planted(rows, tmp_path_factory.mktemp("own"), [(1, 2), (3, 4)])


def test_directions_agree_until_one_agent_is_turned_into_the_other(one_seed, own_seeds):
    """The same numbers of two agents' features, which have nothing else in common."""
    theirs = one_seed.decoders[1]
    assert cosine_similarity(one_seed.decoders[0], theirs).mean() > 0.4
    turned = one_seed.decoders[0] @ align(*one_seed.activations).rotation
    assert abs(cosine_similarity(turned, theirs).mean()) < 0.1
    assert abs(cosine_similarity(*own_seeds.decoders).mean()) < 0.1


def test_activations_do_not_exceed_the_null(one_seed, own_seeds):
    found = one_seed.found
    overall = found.overall["within_cell"]
    assert overall.features > 100
    assert abs(overall.value) < 0.03
    assert overall.excess == pytest.approx(own_seeds.found.overall["within_cell"].excess, abs=0.01)
    assert np.nanmean(found.matches.table.q <= MAX_Q) < 0.02
    assert found.shared[2] <= 1


def test_the_ceiling_of_one_seed_flatters(one_seed, own_seeds):
    """Two SAEs of one agent must not start alike: their agreement would not be of the agent."""
    one, own = (planted.found.overall["within_cell"].ceiling for planted in (one_seed, own_seeds))
    assert one > own + 0.1
