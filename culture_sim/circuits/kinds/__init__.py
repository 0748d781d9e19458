"""Kinds of heads by world: a way of telling what each head of a network is, from what it does.

A world needs none: its agents' heads are then compared by what they do alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agents.circuits.paths import Network
from world import Stream
from world.core.registry import Registry

Kinds = Callable[[Any, Network, int, Stream], Mapping[str, Sequence[str]]]
"""Of a world, a network, how many sequences and a stream: by head, such as "2.1", its kinds."""
kinds: Registry[Kinds] = Registry("way of telling heads", "culture_sim.circuits.kinds")
