"""Prompts whose positions have names, so that two sets of them need not be aligned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Prompts:
    """B prompts of T tokens, as the network is given them.

    tokens: int64. Of an agent: ``shift(tokens)``, so that position t predicts its token t.
    columns: int64 [B] by name, where the position of this name is in every prompt; prompts with
    a prefix, or with other words between, have it elsewhere. features: int64 [B] by name, what
    is true of every prompt, for resampling. Raises ValueError on a position outside 0 .. T - 1.
    """

    tokens: Int[Tensor, "B T"]
    columns: Mapping[str, Int[Tensor, " B"]] = field(default_factory=dict)
    features: Mapping[str, Int[Tensor, " B"]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count, length = self.tokens.shape
        for name, column in self.columns.items():
            if column.shape != (count,) or not ((column >= 0) & (column < length)).all():
                raise ValueError(f"column {name!r} must have {count} positions below {length}")

    def __len__(self) -> int:
        return len(self.tokens)

    def rows(self, index: Int[Tensor, " n"]) -> Prompts:
        """The prompts ``index``, in this order."""
        columns = {name: column[index] for name, column in self.columns.items()}
        features = {name: value[index] for name, value in self.features.items()}
        return Prompts(self.tokens[index], columns, features)

    def mask(self, at: tuple[str, ...] | None) -> Bool[Tensor, "B T 1"]:
        """True at the named positions; everywhere if None."""
        mask = torch.full((*self.tokens.shape, 1), at is None, device=self.tokens.device)
        for name in at or ():
            mask[torch.arange(len(self)), self.columns[name]] = True
        return mask


def change(
    base: Float[Tensor, "B T d"],
    base_prompts: Prompts,
    new: Float[Tensor, "B T2 d"],
    new_prompts: Prompts,
    at: tuple[str, ...] | None,
) -> Float[Tensor, "B T d"]:
    """``new`` less ``base`` at the named positions, zero elsewhere.

    The value of a name comes from where the new prompt has it. Without names the prompts must be
    aligned, position by position; raises ValueError if their lengths differ.
    """
    if at is None:
        if base.shape != new.shape:
            raise ValueError("prompts of two lengths: name the positions that are exchanged")
        return new - base
    difference, row = torch.zeros_like(base), torch.arange(len(base), device=base.device)
    for name in at:
        here, there = base_prompts.columns[name], new_prompts.columns[name]
        difference[row, here] = new[row, there] - base[row, here]
    return difference
