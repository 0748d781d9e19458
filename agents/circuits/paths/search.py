"""Iterative path patching: from the answer back to the words, one hop at a time.

Every part before a receiver is tried as its sender, along the rest of the path. Those that move
the metric become receivers in their turn, in every slot (K. Wang et al., "Interpretability in the
wild", 2022, section 3). A part is followed if three things hold: its mean effect is larger than a
share of the metric, larger than any effect of prompts that differ in nothing of interest, and no
false discovery among all that were tried at this depth.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from agents.circuits.patching import Metric
from agents.circuits.paths.edges import senders_to
from agents.circuits.paths.parts import LOGITS, Edge, Path, Receiver, Sender
from agents.circuits.paths.patching import Pair, effect
from agents.circuits.statistics import Interval, adjusted, interval, sign_flip_p

Hop = tuple[Receiver, ...]


@dataclass(frozen=True)
class SearchConfig:
    """How far a search goes and where it stops."""

    depth: int = 4
    """Most hops of a path; the one to the logits is the first."""
    width: int = 8
    """Senders followed at each depth, those of the largest effects."""
    least: float = 0.02
    """Least effect, as a share of the mean metric of the base prompts."""
    rate: float = 0.05
    """False discovery rate among all paths tried at one depth."""
    positions: tuple[str, ...] | None = None
    """Names of the positions at which receivers read, each by itself; all at once if None."""
    through_mlps: bool = False
    """Whether MLPs between a sender and a receiver compute again."""


@dataclass(frozen=True)
class Finding:
    """A path that carries something. p: adjusted for all paths tried at its depth."""

    path: Path
    effect: Interval
    p: float

    def __str__(self) -> str:
        return f"{self.path}: {self.effect}"


def find_paths(
    pair: Pair,
    metric: Metric,
    rng: np.random.Generator,
    noise: Sequence[Pair] = (),
    config: SearchConfig | None = None,
    toward: tuple[Hop, ...] = ((LOGITS,),),
) -> list[Finding]:
    """Paths by depth, at each the largest effect first.

    noise: the same base prompts with new ones that share every feature asked about, and differ
    in other words. toward: the end of every path, the logits or, say, the queries of a group and
    then the logits. With B prompts no p is below 2 ** (1 - B): take a dozen at least.
    """
    config = config or SearchConfig()
    least = config.least * float(metric(pair.base.logits).mean().abs())
    targets: list[tuple[Hop, ...]] = [toward]
    findings: list[Finding] = []
    for _ in range(config.depth):
        paths = [path for hops in targets for path in _candidates(pair, hops, config)]
        if not paths:
            break
        found = _significant(pair, paths, metric, rng, noise, least, config)
        findings += found
        followed = found[: config.width]
        targets = [hops for finding in followed for hops in _onward(finding.path, config)]
    return findings


def found_edges(findings: Iterable[Finding]) -> set[Edge]:
    """The first edge of every path: together the circuit."""
    return {edge for finding in findings for edge in finding.path.edges[:1]}


def _candidates(pair: Pair, hops: tuple[Hop, ...], config: SearchConfig) -> list[Path]:
    """Every part that is computed before one of the first receivers."""
    last = max(hops[0], key=lambda r: pair.network.n_depths if r.part is None else r.part.depth)
    at = hops[0][0].at or config.positions
    return [Path((Sender(p, at),), hops) for p in senders_to(pair.network, last.part)]


def _onward(path: Path, config: SearchConfig) -> list[tuple[Hop, ...]]:
    """The sender of a path as a receiver, in every slot and at every position."""
    part = path.senders[0].part
    places: list[tuple[str, ...] | None] = [(name,) for name in config.positions or ()] or [None]
    return [((Receiver(part, slot, at),), *path.hops) for slot in part.slots for at in places]


def _significant(
    pair: Pair,
    paths: Sequence[Path],
    metric: Metric,
    rng: np.random.Generator,
    noise: Sequence[Pair],
    least: float,
    config: SearchConfig,
) -> list[Finding]:
    effects = _effects(pair, paths, metric, config)
    floor = least
    for other in noise:
        floor = max(floor, float(_effects(other, paths, metric, config).mean(1).abs().max()))
    p = adjusted(sign_flip_p(effects.double().cpu().numpy(), rng))
    means = effects.mean(1).abs()
    order = means.argsort(descending=True).tolist()
    return [
        Finding(paths[i], interval(effects[i], rng), float(p[i]))
        for i in order
        if means[i] > floor and p[i] <= config.rate
    ]


def _effects(
    pair: Pair, paths: Sequence[Path], metric: Metric, config: SearchConfig
) -> Float[Tensor, "N B"]:
    return torch.stack([effect(pair, path, metric, config.through_mlps) for path in paths])
