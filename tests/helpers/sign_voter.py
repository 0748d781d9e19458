"""A network set by hand, in which it is known what stands where and what is used."""

from __future__ import annotations

import numpy as np
import torch

from agents.config import ModelConfig
from agents.model import AgentModel, build_model
from tests.helpers.copy_world import CopyWorld
from world import QuizBatch

PLUS, MINUS, MORE, FEWER = 1, 2, 3, 4
LAST = 11
"""The position of the answer, which has read 11 signs."""


def sign_voter() -> AgentModel:
    """Answers at every position whether more of the signs before it were PLUS or MINUS.

    The embedding has the last sign read in dimensions 0 and 1. The first attention writes the mean
    of all signs into 4 and 5, by which alone the output is chosen. All else is 0.
    """
    model = build_model(ModelConfig(d_model=8, n_layers=2, n_heads=1, d_mlp=8), CopyWorld(), 0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1.0 if parameter.ndim == 1 else 0.0)
        model.embed.weight[0, 2:4] = torch.tensor([1.0, -1.0])
        model.embed.weight[PLUS, :2] = torch.tensor([1.0, -1.0])
        model.embed.weight[MINUS, :2] = torch.tensor([-1.0, 1.0])
        attention = model.blocks[0].attn
        attention.v.weight[0, 0] = 0.5
        attention.out.weight[4, 0], attention.out.weight[5, 0] = 1.0, -1.0
        model.unembed.weight[MORE, 4], model.unembed.weight[FEWER, 4] = 1.0, -1.0
    return model.eval()


def random_signs(count: int) -> QuizBatch:
    """Sequences of signs, each PLUS or MINUS by a coin."""
    tokens = np.random.default_rng(0).integers(PLUS, MINUS + 1, size=(count, 12), dtype=np.uint8)
    return QuizBatch(tokens, np.zeros(count, np.uint8), np.zeros(count, np.int16))
