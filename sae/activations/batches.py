"""Shuffled batches for training, of blocks of activations."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from world.core.errors import UserError


def shuffled_batches(
    blocks: Iterator[Tensor], epochs_per_buffer: int, batch_size: int, seed: int, options: str
) -> Iterator[Tensor]:
    """Batches float32 [batch_size, ...] of blocks [n, ...], each shown ``epochs_per_buffer``
    times over.

    Every pass has an order of its own, drawn from ``seed``; what does not fill a batch is left
    out. options: where the size of blocks is set, such as "sae". Raises UserError for blocks
    smaller than a batch.
    """
    generator = torch.Generator().manual_seed(seed)
    for block in blocks:
        if len(block) < batch_size:
            raise UserError(
                f"{options}.buffer_quizzes gives {len(block)} tokens, fewer than "
                f"{options}.batch_size ({batch_size}); raise it"
            )
        for _ in range(epochs_per_buffer):
            order = torch.randperm(len(block), generator=generator).to(block.device)
            for rows in order.split(batch_size):
                if len(rows) == batch_size:
                    yield block[rows]
