"""A planted world of features, and crosscoders known to be right or wrong about it."""

from __future__ import annotations

import pytest
import torch
from sae_lens import JumpReLUSAE, JumpReLUSAEConfig
from torch import Tensor

from sae.crosscoder.model import Crosscoder
from tests.helpers.planted import AGENTS, Planted


@pytest.fixture(scope="session")
def planted() -> Planted:
    return Planted(0)


def exact_crosscoder(
    direction: Tensor, decoder: Tensor, source: Tensor | None = None
) -> Crosscoder:
    """One that reads the planted codes off exactly, and decodes them by ``decoder`` [F, A, d].

    source: int64 [F], the planted feature that each of the crosscoder's reads; itself by default.
    """
    reads = torch.linalg.pinv(direction.flatten(1))
    reads = reads if source is None else reads[:, source]
    sae = JumpReLUSAE(JumpReLUSAEConfig(d_in=reads.shape[0], d_sae=reads.shape[1]))
    sae.W_enc.data, sae.W_dec.data = reads, decoder.flatten(1)
    sae.threshold.data.fill_(0.25)
    return Crosscoder(sae.eval().requires_grad_(False), tuple(range(AGENTS)), torch.ones(AGENTS))
