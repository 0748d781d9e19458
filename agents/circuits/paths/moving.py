"""Moving pieces: does a patch make the network do the other thing that was predicted?

Not how much breaks, but where it goes: new values are taken from prompts in which the feature has
a chosen other value and all else is random, and the claim says which token attention and logits
move to (Redwood Research, "REMIX", 2023; K. Wang et al., 2022, section 3.3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from agents.circuits.paths.parts import Path
from agents.circuits.paths.patching import Pair, patched_logits, patched_pattern


@dataclass(frozen=True)
class Moved:
    """What N named candidates had of B prompts, and have under the patch: attention or logits."""

    names: tuple[str, ...]
    before: Float[Tensor, "B N"]
    after: Float[Tensor, "B N"]

    def gain(self, name: str) -> Float[Tensor, " B"]:
        """How much the candidate gained."""
        return (self.after - self.before)[:, self.names.index(name)]

    def favours(self, name: str) -> Bool[Tensor, " B"]:
        """Whether the candidate comes first under the patch."""
        return self.after.argmax(1) == self.names.index(name)


def moved_attention(
    pair: Pair, path: Path, query: str, keys: Sequence[str], through_mlps: bool = False
) -> Moved:
    """Attention of the head at which the path ends, from one named position to others.

    Raises ValueError if it ends at no single head.
    """
    after = patched_pattern(pair, path, through_mlps)
    part = path.hops[-1][0].part
    assert part is not None
    before = pair.base.patterns[part.layer][:, part.index]
    columns = pair.base.prompts.columns
    row = torch.arange(len(before), device=before.device)[:, None]
    key = torch.stack([columns[name] for name in keys], dim=1)
    at = (row, columns[query][:, None], key)
    return Moved(tuple(keys), before[at], after[at])


def moved_logits(
    pair: Pair,
    path: Path,
    position: Int[Tensor, " B"],
    tokens: Mapping[str, Int[Tensor, " B"]],
    through_mlps: bool = False,
) -> Moved:
    """Logits of named tokens at one position, under a path that ends at the logits."""
    before, after = pair.base.logits, patched_logits(pair, path, through_mlps)
    row = torch.arange(len(before), device=before.device)[:, None]
    at = (row, position[:, None], torch.stack(list(tokens.values()), dim=1))
    return Moved(tuple(tokens), before[at], after[at])
