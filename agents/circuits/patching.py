"""Activation patching: what of one run, put into another, carries its answer over?

Also called interchange intervention or causal tracing. An agent reads ``tokens`` while the
activation at a site is the one it has on ``source``, a sequence alike but for one thing. How far
the answer moves towards that of the source says how much the site carries of that thing (J. Vig
et al., "Investigating gender bias in language models using causal mediation analysis", 2020;
S. Heimersheim and N. Nanda, "How to use and interpret activation patching", 2024).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from agents.hooks import Change, evaluating
from agents.model import AgentModel

Metric = Callable[[Float[Tensor, "B T V"]], Float[Tensor, "B ..."]]
"""A number for each sequence, or several, of the logits for its tokens."""


@dataclass(frozen=True)
class Patching:
    """A metric of B sequences.

    tokens: as they are. source: of the sequences whose activations are put in. patched: by site,
    of ``tokens`` with the source's activation there.
    """

    tokens: Float[Tensor, "B ..."]
    source: Float[Tensor, "B ..."]
    patched: dict[str, Float[Tensor, "B ..."]]

    def shares(self) -> dict[str, float]:
        """By site, the share of the way from the metric of ``tokens`` to that of the source.

        0 where the site carries nothing, 1 where it carries all; of the means over sequences,
        since a single sequence may have no way to go.
        """
        way = (self.source - self.tokens).mean()
        return {
            site: float((metric - self.tokens).mean() / way)
            for site, metric in self.patched.items()
        }


def activation_patching(
    model: AgentModel,
    tokens: Int[Tensor, "B T"],
    source: Int[Tensor, "B T"],
    sites: Iterable[str],
    metric: Metric,
    where: Bool[Tensor, "..."] | None = None,
) -> Patching:
    """Put what each site holds on ``source`` into a run on ``tokens``, one site at a time.

    where: the places that are patched, broadcast to the activation: bool [T, 1] for positions of
    the residual stream, [B, T, 1] where they differ by row, [H, 1] for heads at "attn.hook_z",
    [H, 1, 1] at "attn.hook_pattern"; all by default. Runs all rows in one pass.
    Raises UserError on an unknown site.
    """
    sites = list(dict.fromkeys(sites))
    held = model.capture(source, sites)
    with evaluating(model):
        clean, other = metric(model(tokens)), metric(model(source))
        patched = {}
        for site in sites:
            with model.intervene({site: _put(held[site], where)}):
                patched[site] = metric(model(tokens))
    return Patching(clean, other, patched)


def _put(value: Tensor, where: Tensor | None) -> Change:
    if where is None:
        return lambda x: value
    return lambda x: torch.where(where, value, x)


def logit_difference(
    position: Int[Tensor, " B"], token: Int[Tensor, " B"], other: Int[Tensor, " B"]
) -> Metric:
    """The logit of ``token`` less that of ``other``, both as the value at ``position``.

    Of a ``world.Counterfactual``: its position and the two columns of its contrast.
    """

    def metric(logits: Float[Tensor, "B T V"]) -> Float[Tensor, " B"]:
        row = torch.arange(len(logits), device=logits.device)
        at = logits[row, position]
        return at[row, token] - at[row, other]

    return metric


def log_prob(tokens: Int[Tensor, "B T"], graded: Bool[Tensor, "B T"]) -> Metric:
    """The log-probability in nats of the tokens that are graded, the true ones before them given.

    graded: from ``agents.scoring.graded_mask``.
    """

    def metric(logits: Float[Tensor, "B T V"]) -> Float[Tensor, " B"]:
        by_token = logits.float().log_softmax(-1).gather(-1, tokens[..., None])[..., 0]
        return (by_token * graded).sum(-1)

    return metric
