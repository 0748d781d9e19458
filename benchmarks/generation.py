"""Writing whole quizzes: the KV cache of agents, no cache, and transformers at the same size.

All three sample every token of a batch from an untrained network, in the precision of a run. The
floor is the arithmetic of one pass over the tokens.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from agents.config import ModelConfig
from agents.generation import generate
from agents.hooks import evaluating
from agents.model import AgentModel, shift
from benchmarks.measure import Row, device, matrix_flops, seconds
from benchmarks.subjects import (
    forward_flops,
    fresh_agent,
    subject,
    working_dtype,
    working_precision,
)
from world import World

BATCH = 256
"""Quizzes written together: what `generate` takes at a time."""


def rows(quick: bool) -> Iterator[Row]:
    """Quizzes a second of writing with a cache, against each of two ways to do it."""
    world, size = subject(quick)
    batch = 16 if quick else BATCH
    model = fresh_agent(world, size)
    empty = torch.zeros(batch, world.seq_len, dtype=torch.int64)
    free = torch.ones(world.seq_len, dtype=torch.bool)
    other = _gpt2(world, size)
    repeats = 1 if quick else 2
    with working_precision():
        draws = torch.Generator().manual_seed(0)
        cached = batch / seconds(lambda: generate(model, empty, free, generator=draws), repeats)
        plain = batch / seconds(lambda: write_without_cache(model, empty), repeats)
        theirs = batch / seconds(lambda: _write_by_transformers(other, world, batch), repeats)
    floor = matrix_flops(working_dtype()) / forward_flops(model, world.seq_len, world.seq_len / 2)
    for name, baseline in (("no cache", plain), ("transformers, GPT-2 of the same size", theirs)):
        yield Row(
            "generation",
            f"whole quizzes, {batch} at a time",
            cached,
            "quizzes/s",
            name,
            baseline,
            floor,
            "arithmetic of one pass",
        )


def write_without_cache(model: AgentModel, tokens: Tensor) -> Tensor:
    """Sample every token in turn, each from a pass over all tokens before it."""
    tokens = tokens.to(device())
    with evaluating(model):
        for place in range(tokens.shape[1]):
            logits = model.extend(shift(tokens)[:, : place + 1], None)[:, -1].float()
            noise = -torch.log(-torch.log(torch.rand_like(logits).clamp_min(math.ulp(0.0))))
            tokens[:, place] = (logits + noise).argmax(-1)
    return tokens


def _gpt2(world: World, size: ModelConfig) -> GPT2LMHeadModel:
    config = GPT2Config(
        vocab_size=world.vocab_size,
        n_positions=world.seq_len + 1,
        n_embd=size.d_model,
        n_layer=size.n_layers,
        n_head=size.n_heads,
        n_inner=size.d_mlp,
        activation_function="relu",
        bos_token_id=0,
        eos_token_id=None,
        pad_token_id=0,
    )
    return GPT2LMHeadModel(config).eval().requires_grad_(False).to(device())


def _write_by_transformers(model: Any, world: World, batch: int) -> None:
    start = torch.zeros(batch, 1, dtype=torch.int64, device=device())
    model.generate(
        start,
        attention_mask=torch.ones_like(start),
        max_new_tokens=world.seq_len,
        do_sample=True,
        top_k=0,
        use_cache=True,
    )
