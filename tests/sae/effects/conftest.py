"""An SAE whose features are known: random directions, of which the last one never fires."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from sae_lens import SAE, JumpReLUSAE, JumpReLUSAEConfig

from agents.model import AgentModel
from sae.effects.subject import Subject, read_subject
from sae.harvest import TokenRows, activations, token_rows
from sae.quizzes import held_out_quizzes
from world import QuizBatch, Stream
from world.worlds.grids import GridsWorld

INNER = "blocks.0.hook_resid_post"
"""A site with a block behind it."""
FEATURES = 12

MakeSubject = Callable[..., Subject]


@pytest.fixture(scope="session")
def batch(small_world: GridsWorld) -> QuizBatch:
    return held_out_quizzes(small_world, Stream(0, "test-effects"), 120)


@pytest.fixture(scope="session")
def rows(small_world: GridsWorld, batch: QuizBatch) -> TokenRows:
    return token_rows(small_world, batch)


@pytest.fixture(scope="session")
def make_sae(small_world: GridsWorld, batch: QuizBatch) -> Callable[..., SAE]:
    """An SAE of random unit directions; features fire on about a tenth of the tokens."""

    def make(model: AgentModel, site: str, seed: int = 0) -> SAE:
        x = activations(model, small_world, batch, site)
        directions = np.random.default_rng(seed).standard_normal((FEATURES, x.shape[1]))
        decoder = torch.from_numpy(directions).float()
        decoder /= decoder.norm(dim=1, keepdim=True)
        sae = JumpReLUSAE(JumpReLUSAEConfig(d_in=x.shape[1], d_sae=FEATURES))
        sae.requires_grad_(False)
        sae.W_dec.copy_(decoder)
        sae.W_enc.copy_(decoder.T)
        sae.b_dec.copy_(x.mean(dim=0))
        sae.threshold.copy_(((x - x.mean(dim=0)) @ decoder.T).quantile(0.9, dim=0))
        sae.threshold[-1] = 1e9
        return sae.eval()

    return make


@pytest.fixture(scope="session")
def make_subject(
    small_world: GridsWorld, batch: QuizBatch, rows: TokenRows, make_sae: Callable[..., SAE]
) -> MakeSubject:
    """The agent with such an SAE at a site, on the quizzes."""

    def make(model: AgentModel, site: str = INNER, seed: int = 0) -> Subject:
        return read_subject(model, small_world, batch, rows, site, make_sae(model, site, seed))

    return make
