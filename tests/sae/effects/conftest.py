"""An SAE whose features are known: what an agent's activations vary in, and one that is silent."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from sae_lens import SAE, JumpReLUSAE, JumpReLUSAEConfig

from agents.model import AgentModel
from sae.activations.harvest import TokenRows, activations, token_rows
from sae.activations.quizzes import held_out_quizzes
from sae.effects.spliced_agent import SplicedAgent, splice_sae
from world import QuizBatch, Stream
from world.grids.world import GridsWorld

INNER = "blocks.0.hook_resid_post"
"""A site with a block behind it."""
FEATURES = 12

MakeSpliced = Callable[..., SplicedAgent]


@pytest.fixture(scope="session")
def batch(small_world: GridsWorld) -> QuizBatch:
    return held_out_quizzes(small_world, Stream(0, "test-effects"), 120)


@pytest.fixture(scope="session")
def rows(small_world: GridsWorld, batch: QuizBatch) -> TokenRows:
    return token_rows(small_world, batch)


@pytest.fixture(scope="session")
def make_sae(small_world: GridsWorld, batch: QuizBatch) -> Callable[..., SAE]:
    """An SAE of the principal directions and their opposites, each active on a tenth of tokens.

    The answers depend on these; the last feature never fires.
    """

    def make(model: AgentModel, site: str) -> SAE:
        x = activations(model, small_world, batch, site)
        principal = torch.linalg.svd(x - x.mean(dim=0), full_matrices=False).Vh[: FEATURES // 2]
        decoder = torch.cat([principal, -principal])
        sae = JumpReLUSAE(JumpReLUSAEConfig(d_in=x.shape[1], d_sae=FEATURES))
        sae.requires_grad_(False)
        sae.W_dec.copy_(decoder)
        sae.W_enc.copy_(decoder.T)
        sae.b_dec.copy_(x.mean(dim=0))
        # Embeddings take few values: the threshold must not be one that occurs.
        sae.threshold.copy_(((x - x.mean(dim=0)) @ decoder.T).quantile(0.9, dim=0) - 1e-3)
        sae.threshold[-1] = 1e9
        return sae.eval()

    return make


@pytest.fixture(scope="session")
def make_spliced(
    small_world: GridsWorld, batch: QuizBatch, rows: TokenRows, make_sae: Callable[..., SAE]
) -> MakeSpliced:
    """The agent with such an SAE at a site, on the quizzes."""

    def make(model: AgentModel, site: str = INNER) -> SplicedAgent:
        return splice_sae(model, small_world, batch, rows, site, make_sae(model, site))

    return make
