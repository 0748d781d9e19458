"""Seeds by hashing: every random stream of a run is named, and no two names share a seed.

Adding small integers to a seed makes streams that overlap; hashing the whole name of a
stream does not. A stream is cut into blocks so that item ``i`` can be drawn without
drawing the items before it, which is what makes a resumed run see the same data.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Stream:
    """The name of a random stream.

    root: the run's root seed.
    role: what the stream is for, such as "world-train" or "proposal".
    agent: the agent that owns it, -1 when it belongs to none.
    round: the culture round, 0 before the first.
    """

    root: int
    role: str
    agent: int = -1
    round: int = 0

    def seed(self, index: int = 0) -> int:
        """A 63-bit seed for item (or block) ``index`` of this stream."""
        name = f"{self.root}|{self.role}|{self.agent}|{self.round}|{index}".encode()
        return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "little") >> 1

    def generator(self, index: int = 0) -> np.random.Generator:
        """A NumPy generator for item (or block) ``index`` of this stream."""
        return np.random.Generator(np.random.Philox(self.seed(index)))

    def with_role(self, role: str) -> Stream:
        """The same owner and round, another purpose."""
        return replace(self, role=role)
