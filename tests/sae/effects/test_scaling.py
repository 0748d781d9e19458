"""Interventions: what they compute is what the whole network would do, and where they act."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from agents.architectures.culture_gpt import CultureGPTArchitecture
from agents.config import ModelConfig
from agents.generation import generate
from agents.hooks import capture, intervene
from agents.model import build_model
from sae.activations.harvest import kept_tokens
from sae.effects.scaling import effect_table, fingerprint_table, scale_features
from sae.effects.spliced_agent import splice_sae
from tests.sae.effects.conftest import FEATURES, INNER
from world import Stream
from world.grids.codec import ANSWER, LABEL

STREAM = Stream(0, "test-scaling")
SITES = [
    "hook_embed",
    "blocks.0.hook_resid_pre",
    "blocks.0.attn.hook_z",
    "blocks.0.hook_mlp_out",
    INNER,
    "blocks.1.hook_resid_pre",
    "blocks.1.hook_resid_post",
]


@pytest.fixture(scope="module")
def spliced(agents, make_spliced):
    return make_spliced(agents[0])


@pytest.fixture(scope="module")
def ablated(spliced, small_world, batch):
    return scale_features(spliced, small_world, batch, 0.0)


def hooked(sae, feature, factor, kept):
    """A change of a site that scales a feature, computed on the fly from what is there."""

    def change(x):
        vectors = x.flatten(2)
        added = (factor - 1) * sae.encode(vectors)[..., feature, None] * sae.W_dec[feature]
        return (vectors + added * kept[..., None]).view_as(x)

    return change


def whole_pass(model, world, batch, changes):
    """Loss of every answer and its exactness, by the model as it is."""
    tokens = torch.from_numpy(batch.tokens).long()
    answer = torch.from_numpy(world.codec.kinds[batch.layout] == ANSWER)
    with torch.no_grad(), intervene(model, changes):
        log_probs = torch.log_softmax(model(tokens), dim=-1)
    loss = -log_probs.gather(-1, tokens[..., None])[..., 0] * answer
    exact = ((log_probs.argmax(dim=-1) == tokens) | ~answer).all(dim=1)
    return loss.sum(dim=1).numpy(), exact.numpy()


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("factor", [0.0, 2.0])
def test_the_suffix_agrees_with_the_whole_network(
    agents, small_world, batch, rows, make_sae, make_spliced, site, factor
):
    sae, spliced = make_sae(agents[0], site), make_spliced(agents[0], site)
    kept = torch.from_numpy(kept_tokens(small_world, batch))
    found = scale_features(spliced, small_world, batch, factor, features=[3])
    clean = spliced.network.grades
    loss, exact = whole_pass(agents[0], small_world, batch, {})
    np.testing.assert_allclose(clean.loss, loss, rtol=0, atol=1e-4)
    assert (clean.exact == exact).all()
    changes = {site: hooked(sae, 3, factor, kept)}
    changed, exact = whole_pass(agents[0], small_world, batch, changes)
    per_token = (changed - loss)[found.quizzes.index] / 25
    assert np.abs(per_token).max() > 1e-3
    np.testing.assert_allclose(found.loss_change[0] / 25, per_token, rtol=0, atol=1e-5)
    index = found.quizzes.index
    assert (found.exact_change[0] == exact[index].astype(int) - clean.exact[index]).all()


def test_a_feature_that_never_fires_changes_nothing(spliced, small_world, batch, ablated):
    assert not ablated.fires[-1].any()
    assert (ablated.loss_change[-1] == 0).all()
    assert (ablated.exact_change[-1] == 0).all()
    assert ablated.fires[:-1].any(axis=1).all()
    assert (ablated.loss_change[~ablated.fires] == 0).all()
    by_one = scale_features(spliced, small_world, batch, factor=1.0)
    np.testing.assert_allclose(by_one.loss_change, 0, atol=1e-4)
    assert not by_one.exact_change.any()


def test_features_of_a_linear_readout_have_their_analytic_effect(
    small_world, batch, rows, make_sae
):
    """Behind the last block of this network stands a linear map alone."""
    config = ModelConfig(
        architecture=CultureGPTArchitecture(), d_model=32, n_layers=1, n_heads=2, d_mlp=64
    )
    model = build_model(config, small_world, 0).eval().requires_grad_(False)
    site = "blocks.0.hook_resid_post"
    sae = make_sae(model, site)
    spliced = splice_sae(model, small_world, batch, rows, site, sae)
    found = scale_features(spliced, small_world, batch)
    tokens = torch.from_numpy(batch.tokens).long()
    answer = torch.from_numpy(small_world.codec.kinds[batch.layout] == ANSWER)
    codes = sae.encode(capture(model, tokens, [site])[site])
    codes[~torch.from_numpy(kept_tokens(small_world, batch))] = 0
    logits = model(tokens).double()

    def loss(logits):
        log_probs = torch.log_softmax(logits, -1).gather(-1, tokens[..., None])[..., 0]
        return -(log_probs * answer).sum(dim=1)[found.quizzes.index].numpy()

    for feature in range(FEATURES):
        written = model.unembed.weight @ sae.W_dec[feature]
        without = logits - codes[..., feature, None] * written
        np.testing.assert_allclose(
            found.loss_change[feature], loss(without) - loss(logits), rtol=0, atol=2e-4
        )


def test_exactness_is_that_of_writing_under_the_intervention(
    agents, small_world, batch, make_sae, make_spliced
):
    """The feature that costs most, so that both outcomes occur."""
    model, site = agents[0], INNER
    sae, spliced = make_sae(model, site), make_spliced(model, site)
    found = scale_features(spliced, small_world, batch)
    feature = int((found.exact_change != 0).sum(axis=1).argmax())
    exact = spliced.network.grades.exact[found.quizzes.index] + found.exact_change[feature]
    assert 0 < exact.sum() < spliced.network.grades.exact[found.quizzes.index].sum()
    tokens = torch.from_numpy(batch.tokens[found.quizzes.index]).long()
    for layout in np.unique(found.quizzes.layout):
        among = found.quizzes.layout == layout
        answer = torch.from_numpy(small_world.codec.kinds[layout] == ANSWER)
        seen = torch.from_numpy(small_world.codec.kinds[layout] != LABEL)
        seen[0] = False
        written = write_scaled(model, tokens[among], answer, site, sae, feature, seen)
        same = (written == tokens[among]).all(dim=1).numpy()
        assert (same == exact[among].astype(bool)).all()


def write_scaled(model, tokens, answer, site, sae, feature, seen):
    """Greedy answers with a feature ablated while they are written, token by token."""
    done = 0

    def change(x):
        nonlocal done
        kept = seen[done : done + x.shape[1]]
        done += x.shape[1]
        return hooked(sae, feature, 0.0, kept)(x)

    with intervene(model, {site: change}):
        return generate(model, tokens, answer, temperature=0.0)


def test_tables(spliced, small_world, batch, ablated):
    table = effect_table({4: [ablated]}, small_world, STREAM, resamples=50)
    names = ["all", *small_world.tasks]
    assert len(table) == FEATURES * len(names)
    whole = table[table.task == "all"].reset_index(drop=True)
    np.testing.assert_allclose(
        whole.loss_change, ablated.loss_change.sum(axis=1) / ablated.quizzes.answer_tokens.sum()
    )
    assert (whole.accuracy_change == ablated.exact_change.mean(axis=1)).all()
    assert (whole.lost - whole.gained == -ablated.exact_change.sum(axis=1)).all()
    assert (whole.loss_low <= whole.loss_high).all()
    parts = table[table.task != "all"].groupby("feature")[["quizzes", "fires", "lost"]].sum()
    assert (parts == whole.set_index("feature")[parts.columns]).all(axis=None)
    again = effect_table({4: [ablated]}, small_world, STREAM, resamples=50)
    pd.testing.assert_frame_equal(table, again)
    prints = fingerprint_table({4: [ablated]}, small_world)
    assert len(prints) == FEATURES * len(small_world.tasks) * 4
    one = prints[(prints.feature == 2) & (prints.task == "frame") & (prints.layout == "A,fA,B,fB")]
    quizzes = ablated.quizzes
    among = (quizzes.task == small_world.tasks.index("frame")) & (quizzes.layout == 0)
    expected = ablated.loss_change[2, among].sum() / quizzes.answer_tokens[among].sum()
    assert one.loss_change.item() == pytest.approx(expected)


def test_only_the_evaluation_split_is_changed(spliced, rows, ablated):
    evaluated = np.unique(rows.quiz[rows.evaluation])
    assert (ablated.quizzes.index == evaluated).all()
    term = spliced.scaling(0, 0.0, evaluation=False)
    assert not rows.evaluation[term.rows].any()
