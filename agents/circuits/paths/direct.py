"""Direct logit attribution: what every part adds to a difference of logits by itself.

The logits are linear in the residual stream once the scale of the final norm is held at its
value, so the parts' shares add up exactly (N. Elhage et al., "A mathematical framework for
transformer circuits", 2021).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from agents.circuits.paths.network import Network, Run
from agents.circuits.paths.parts import Part
from agents.circuits.paths.patching import Pair


@dataclass(frozen=True)
class Attribution:
    """effects: of each part, summing with ``biases`` to the difference of logits."""

    effects: Mapping[Part, Float[Tensor, " B"]]
    biases: Float[Tensor, " B"]

    def total(self) -> Float[Tensor, " B"]:
        """The whole difference."""
        return torch.stack([*self.effects.values(), self.biases]).sum(0)


@torch.no_grad()
def attribute_logits(
    network: Network,
    run: Run,
    position: Int[Tensor, " B"],
    token: Int[Tensor, " B"],
    other: Int[Tensor, " B"],
) -> Attribution:
    """Of the logit of ``token`` less that of ``other`` at a position of every prompt."""
    reader = _Reader(network, run, position, token, other)
    effects = {part: reader.effect(output) for part, output in run.outputs.items()}
    return Attribution(effects, reader.biases())


@torch.no_grad()
def attribute_change(
    pair: Pair, position: Int[Tensor, " B"], token: Int[Tensor, " B"], other: Int[Tensor, " B"]
) -> Attribution:
    """Of what the new run does to it: the direct effect of every part, the norm held.

    For prompts that are aligned. No bias changes.
    """
    reader = _Reader(pair.network, pair.base, position, token, other)
    base, new = pair.base.outputs, pair.new.outputs
    effects = {part: reader.effect(new[part] - base[part]) for part in base}
    return Attribution(effects, torch.zeros_like(next(iter(effects.values()))))


class _Reader:
    """Reads a difference of logits off the stream at one position, the norm's scale held."""

    def __init__(
        self, network: Network, run: Run, position: Tensor, token: Tensor, other: Tensor
    ) -> None:
        self.network, self.position = network, position
        self.row = torch.arange(len(position), device=position.device)
        self.stream = run.streams[network.n_depths - 1][self.row, position]
        unembed = network.model.unembed
        self.direction = (unembed.W_U[:, token] - unembed.W_U[:, other]).T
        self.offset = unembed.b_U[token] - unembed.b_U[other]

    def effect(self, output: Float[Tensor, "B T d"]) -> Float[Tensor, " B"]:
        return self._read(output[self.row, self.position])

    def biases(self) -> Float[Tensor, " B"]:
        """Of the heads' output, of the norm and of the unembedding."""
        blocks = self.network.model.blocks
        added = torch.stack([block.attn.b_O for block in blocks]).sum(0)
        shift = getattr(getattr(self.network.model, "ln_final", None), "b", None)
        at_norm = 0.0 if shift is None else self.direction @ shift
        return self._read(added.expand_as(self.stream)) + at_norm + self.offset

    def _read(self, x: Float[Tensor, "B d"]) -> Float[Tensor, " B"]:
        return (frozen_norm(self.network, x, self.stream) * self.direction).sum(-1)


def frozen_norm(
    network: Network, x: Float[Tensor, "*b d"], stream: Float[Tensor, "*b d"]
) -> Float[Tensor, "*b d"]:
    """``x`` as the final norm passes it on, had the norm the scale that it has on ``stream``."""
    norm = _final_norm(network)
    if norm is None:
        return x
    scale = (stream.var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()
    return unscaled_norm(network, x) / scale


def unscaled_norm(network: Network, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
    """``x`` centred and times the gain of the final norm, which is left out where there is none."""
    norm = _final_norm(network)
    if norm is None:
        return x
    return (x - x.mean(-1, keepdim=True)) * getattr(norm, "w", 1.0)


def _final_norm(network: Network) -> Any:
    """The final norm; None where nothing stands there."""
    norm = getattr(network.model, "ln_final", None)
    return None if isinstance(norm, nn.Identity) else norm
