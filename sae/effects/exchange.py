"""What another sequence tells through an SAE's features, at one place of a sequence.

A feature's activation there is taken from another sequence, alike but for one thing: its row of the
decoder times the change of its activation is added to the stream, and what the SAE does not
reconstruct stays (S. Marks et al., "Sparse feature circuits", 2024). Readers of a kind see the sum,
all others the stream as it is, and all that follows computes again: exact, no estimate by gradient.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from sae_lens import SAE
from torch import Tensor

from agents.circuits.patching import Metric
from agents.circuits.paths import Network, Run
from agents.circuits.paths.network import Outputs
from agents.circuits.paths.parts import Slot, mlp
from sae.activations.codes import encode
from world.core.errors import UserError

STREAM = re.compile(r"blocks\.(\d+)\.hook_(resid_pre|resid_mid|resid_post|attn_out|mlp_out)")
"""Sites whose vectors stand in the residual stream, or are added to it."""
ALL, QUERIES = "all readers", "queries"
READERS: dict[str, tuple[Slot, ...]] = {
    ALL: ("q", "k", "v", "mlp", "logits"),
    QUERIES: ("q",),
}
"""Who sees the exchanged features, by name: all that reads the stream behind the site, or the
queries of later heads alone."""
ROWS = 128
"""Sequences in one pass."""
MetricOf = Callable[[Int[Tensor, " n"]], Metric]
"""The metric of some of the sequences."""


@dataclass(frozen=True)
class Exchange:
    """An SAE with F features at one position of B sequences, and of their counterparts.

    layer, after_heads: the first that reads behind the site, the heads of this layer or what comes
    after them. base: the sequences' run. position: int64 [B]. change: float32 [B, d], of the
    activation, from the sequences to their counterparts. codes: float32 [B, F], the same of its
    features. fires: float64 [F], share of sequences and counterparts in which a feature is active.
    decoder: float32 [F, d]. metric_of: of rows.
    """

    network: Network
    base: Run
    layer: int
    after_heads: bool
    position: Int[Tensor, " B"]
    change: Float[Tensor, "B d"]
    codes: Float[Tensor, "B F"]
    fires: Float[NDArray[np.float64], " F"]
    decoder: Float[Tensor, "F d"]
    metric_of: MetricOf

    def whole(self, readers: str) -> Float[NDArray[np.float64], " B"]:
        """The effect of the whole change, what the SAE leaves out included."""
        return self._effect(self.change, torch.arange(len(self.change)), readers)

    def left_out(self, readers: str) -> Float[NDArray[np.float64], " B"]:
        """The effect of that part of the change which no feature has."""
        rest = self.change - self.codes @ self.decoder
        return self._effect(rest, torch.arange(len(rest)), readers)

    def together(
        self, features: Sequence[int] | NDArray[np.int64], readers: str
    ) -> Float[NDArray[np.float64], " B"]:
        """The effect of some features, exchanged all at once."""
        chosen = torch.as_tensor(np.asarray(features, dtype=np.int64))
        change = self.codes[:, chosen] @ self.decoder[chosen]
        return self._effect(change, torch.arange(len(change)), readers)

    def single(self, readers: str) -> Float[NDArray[np.float64], "B F"]:
        """The effect of every feature by itself; 0 where its activation does not change."""
        row, feature = self.codes.nonzero(as_tuple=True)
        effects = np.zeros(self.codes.shape)
        change = self.codes[row, feature][:, None] * self.decoder[feature]
        effects[row.numpy(), feature.numpy()] = self._effect(change, row, readers)
        return effects

    @torch.no_grad()
    def _effect(
        self, change: Float[Tensor, "n d"], rows: Int[Tensor, " n"], readers: str
    ) -> Float[NDArray[np.float64], " n"]:
        """With ``change`` added to what the readers see of some sequences."""
        parts = [
            self._metric(some, index, readers) - self.metric_of(index)(self.base.logits[index])
            for some, index in zip(change.split(ROWS), rows.split(ROWS), strict=True)
        ]
        joined = torch.cat(parts) if parts else torch.zeros(0)
        return np.asarray(joined.double().numpy())

    def _metric(self, change: Tensor, rows: Tensor, readers: str) -> Float[Tensor, " n"]:
        depth = 2 * self.layer + 1
        stream = self.base.streams[depth][rows]
        before = Run(self.base.prompts.rows(rows), {}, {depth: stream}, {}, (), stream)
        added = torch.zeros_like(stream)
        added[torch.arange(len(rows)), self.position[rows]] = change

        def add(layer: int, slot: Slot, _: Outputs) -> Tensor | None:
            behind = layer > self.layer or not self.after_heads or slot in ("mlp", "logits")
            if not behind or slot not in READERS[readers]:
                return None
            return added if slot in ("mlp", "logits") else added[:, :, None]

        logits = self.network.run_from(before, self.layer, add).logits
        return self.metric_of(rows)(logits)


def place_in_stream(site: str) -> tuple[int, str]:
    """The block of a site and its kind, such as "resid_post".

    Raises UserError for one that is not in the residual stream nor added to it.
    """
    match = STREAM.fullmatch(site)
    if match is None:
        raise UserError(
            f"features at {site} are not exchanged: choose a --site in the residual stream, or one "
            f"that is added to it, such as blocks.0.hook_resid_post"
        )
    return int(match[1]), match[2]


def exchange(
    network: Network,
    base: Run,
    changed: Run,
    site: str,
    sae: SAE[Any],
    column: str,
    metric_of: MetricOf,
) -> Exchange:
    """Of an SAE at a site, where the prompts of both runs have a column.

    Raises UserError at a site that is not in the residual stream nor added to it, ValueError for an
    SAE whose decoder rows are not in units of the activation.
    """
    if sae.cfg.normalize_activations != "none" or sae.cfg.reshape_activations != "none":
        raise ValueError("the SAE normalises or reshapes activations; fold that into its weights")
    block, kind = place_in_stream(site)
    x, other = (_values(network, run, block, kind, column) for run in (base, changed))
    codes, other_codes = (torch.from_numpy(encode(sae, v).toarray()) for v in (x, other))
    fires = torch.cat([codes, other_codes]) != 0
    return Exchange(
        network,
        base,
        block + (kind in ("resid_post", "mlp_out")),
        kind in ("resid_mid", "attn_out"),
        base.prompts.columns[column],
        other - x,
        other_codes - codes,
        fires.double().mean(0).numpy(),
        sae.W_dec.detach().float(),
        metric_of,
    )


def _values(network: Network, run: Run, block: int, kind: str, column: str) -> Float[Tensor, "B d"]:
    """What a run has at a site, at the column."""
    before, behind = run.streams[2 * block + 1], run.streams[2 * block + 3]
    between = run.streams.get(2 * block + 2, behind)
    values = {
        "resid_pre": before,
        "resid_mid": between,
        "resid_post": behind,
        "attn_out": between - before,
        "mlp_out": run.outputs.get(mlp(block), torch.zeros_like(before)),
    }[kind]
    return values[torch.arange(len(values)), run.prompts.columns[column]].float()
