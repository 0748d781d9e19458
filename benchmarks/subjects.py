"""What is measured: the default preset's world and network, or those of `smoke`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from agents.config import ModelConfig
from agents.model import AgentModel, build_model
from agents.precision import DTYPES, fastest_formats
from benchmarks.measure import device
from culture_sim.presets import presets
from world import QuizBatch, QuizWorld, Stream, World


def subject(quick: bool) -> tuple[QuizWorld, ModelConfig]:
    """The world and the network that every benchmark of agents measures."""
    config = presets["smoke" if quick else "compact"]()
    return config.quiz_world, config.model


def learning_flops(world: World, config: ModelConfig) -> float:
    """FLOP of learning from one quiz: three forward passes for forward and backward."""
    agent = build_model(config, world, seed=0)
    return 3 * forward_flops(agent, world.seq_len, world.seq_len / 2)


def fresh_agent(world: World, config: ModelConfig) -> AgentModel:
    """An untrained agent in evaluation mode, on the device."""
    return build_model(config, world, seed=0).eval().requires_grad_(False).to(device())


def some_quizzes(world: World, count: int) -> QuizBatch:
    """Quizzes in the forward layout."""
    return world.draw(Stream(0, "benchmark"), 0, count, "train")


def working_dtype() -> torch.dtype:
    """The number format of matrix products on this device."""
    return DTYPES[fastest_formats(device()).network]


@contextmanager
def working_precision() -> Iterator[None]:
    """Matrix products as a run has them on this device."""
    wanted = working_dtype() is torch.bfloat16
    with torch.autocast(device().type, dtype=torch.bfloat16, enabled=wanted):
        yield


def forward_flops(model: AgentModel, tokens: int, seen: float) -> float:
    """FLOP of passing ``tokens`` tokens, each of which attends to ``seen`` on average.

    Two for every multiplication by a weight matrix and in attention; norms, softmax and look-ups
    are left out, as is usual (J. Kaplan et al., "Scaling laws for neural language models", 2020).
    """
    weights = model.unembed.weight.numel() + sum(
        p.numel() for n, p in model.named_parameters() if n.startswith("blocks.") and p.ndim == 2
    )
    attention = 2 * seen * model.d_model * model.n_layers
    return 2.0 * tokens * (weights + attention)
