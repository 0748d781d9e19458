"""Processes that train one agent together, each on a share of every batch.

With as many agents as processes or more, every process is a group of its own. With more
processes than agents, they are shared out among as many crews as there are agents.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from accelerate import PartialState
from torch import nn

T = TypeVar("T")


@dataclass(frozen=True)
class ReplicaGroup:
    """This process's place in its group: ``rank`` of ``size``; ``first``: global rank of rank 0."""

    rank: int = 0
    size: int = 1
    first: int = 0
    group: Any = None

    @property
    def leads(self) -> bool:
        """True for the one process of a group that claims, saves and logs."""
        return self.rank == 0

    @property
    def share(self) -> slice:
        """The rows of any batch that are this process's."""
        return slice(self.rank, None, self.size)

    def agree(self, value: T) -> T:
        """What the leader says; everyone waits for it."""
        if self.size == 1:
            return value
        said = [value]
        dist.broadcast_object_list(said, src=self.first, group=self.group)
        return said[0]

    def gather(self, value: T) -> list[T]:
        """What everyone says, by rank."""
        if self.size == 1:
            return [value]
        said: list[Any] = [None] * self.size
        dist.all_gather_object(said, value, group=self.group)
        return said

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its mean over the replicas, the same bits in every process."""
        if self.size == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        total = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(total, group=self.group)
        total /= self.size
        parts = total.split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))


def make_replicas(state: PartialState, agents: int) -> ReplicaGroup:
    """This process's replicas. Every process must call it, and at the same point."""
    return _replicas(state.num_processes, state.process_index, agents)


@cache
def _replicas(processes: int, rank: int, agents: int) -> ReplicaGroup:
    if processes <= agents:
        return ReplicaGroup()
    bounds = [processes * replicas // agents for replicas in range(agents + 1)]
    own = ReplicaGroup()
    for first, end in pairwise(bounds):
        # A group must be made known to all processes, also to those outside it.
        group = dist.new_group(list(range(first, end)))
        if first <= rank < end:
            own = ReplicaGroup(rank - first, end - first, first, group)
    return own
