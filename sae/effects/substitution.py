"""Can another agent's feature take the place of a feature? Its activation, then its direction too.

The feature g of one agent is ablated, and what its match f in another agent does on the same
tokens is put there instead: in an activation swap only how active f is, along g's own direction;
in a direction swap along f's direction, carried over by a rotation. What counts is how much of the
loss that the ablation costs is recovered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from sae.effects.matched import Matched, firing_profiles, nearest_in_frequency
from sae.effects.quizzes import SplitQuizzes, split_quizzes
from sae.effects.scaling import ERRORS, FLOOR, Tick
from sae.effects.spliced_agent import SplicedAgent, Term
from sae.matching.alignment import Alignment, align
from sae.statistics.cluster_bootstrap import over_groups
from world import QuizBatch, Stream, World

FIGURES = (
    "activation_swap_match",
    "activation_swap_second",
    "activation_swap_frequency",
    "direction_swap_match",
    "direction_swap_random",
)
"""Columns of recovered loss."""
CONTRASTS = (
    ("activation_swap_match", "activation_swap_second"),
    ("activation_swap_match", "activation_swap_frequency"),
    ("direction_swap_match", "direction_swap_random"),
)
"""Columns whose difference within a pair is of interest."""


@dataclass(frozen=True)
class Ablation:
    """What ablating a feature costs.

    selection_cost: nats per answer token on the selection split; standard_error: of that, over
    quizzes. cost: on the evaluation split; lost: the same in all, nats.
    """

    selection_cost: float
    standard_error: float
    cost: float
    lost: float

    def consequential(self, floor: float) -> bool:
        """The cost is above the floor on both splits, and beyond chance on the selection split: a
        threshold on the reported cost alone would favour features that it flatters."""
        beyond_chance = self.selection_cost > ERRORS * self.standard_error
        return beyond_chance and min(self.selection_cost, self.cost) > floor


class Interchange:
    """Features of several agents, to be put in each other's place on the same batch of quizzes."""

    def __init__(self, agents: Mapping[int, SplicedAgent], world: World, batch: QuizBatch) -> None:
        self.agents = agents
        rows = next(iter(agents.values())).rows
        self.selection = split_quizzes(world, batch, rows, evaluation=False)
        self.evaluation = split_quizzes(world, batch, rows, evaluation=True)
        self.profiles = {n: firing_profiles(s, world, batch) for n, s in agents.items()}
        self._ablations: dict[tuple[int, int], Ablation] = {}
        self._alignments: dict[tuple[int, int], tuple[Alignment, float]] = {}

    def ablation(self, agent: int, feature: int) -> Ablation:
        """What ablating a feature costs its agent; computed once."""
        if (agent, feature) not in self._ablations:
            self._ablations[agent, feature] = self._ablated(self.agents[agent], feature)
        return self._ablations[agent, feature]

    def _ablated(self, agent: SplicedAgent, feature: int) -> Ablation:
        selected, evaluated = (
            self._lost(agent, split, [agent.scaling(feature, 0.0, evaluation)])
            for split, evaluation in ((self.selection, False), (self.evaluation, True))
        )
        selection_cost, error = self.selection.per_token(selected[None])
        cost, _ = self.evaluation.per_token(evaluated[None])
        return Ablation(
            float(selection_cost[0]), float(error[0]), float(cost[0]), float(evaluated.sum())
        )

    def _lost(
        self, agent: SplicedAgent, split: SplitQuizzes, change: Sequence[Term]
    ) -> NDArray[np.float64]:
        """float64 [H]: by how many nats a change raises the loss of each quiz of a split."""
        return (agent.under(change).loss - agent.network.grades.loss)[split.index]

    def alignment(self, source: int, target: int) -> tuple[Alignment, float]:
        """From one agent's activations to another's, fitted on the selection split, and the share
        of variance that it explains on the evaluation split; computed once."""
        if (source, target) not in self._alignments:
            x, y = self.agents[source], self.agents[target]
            alignment = align(x.values(evaluation=False), y.values(evaluation=False))
            explained = alignment.explained_variance(
                x.values(evaluation=True), y.values(evaluation=True)
            )
            self._alignments[source, target] = alignment, explained
        return self._alignments[source, target]

    def scale(self, pair: Matched, partner: int) -> float:
        """s, least squares of s a_f = a_g on the selection split; 0 where f is silent.

        a_g: activations of the pair's feature. a_f: of ``partner``, in the pair's other agent.
        """
        rows, values = self.agents[pair.other].fired(partner, evaluation=False)
        feature_rows, feature_values = self.agents[pair.agent].fired(pair.feature, evaluation=False)
        _, i, j = np.intersect1d(rows, feature_rows, assume_unique=True, return_indices=True)
        squares = float(np.square(values, dtype=np.float64).sum())
        return float(values[i].astype(np.float64) @ feature_values[j]) / squares if squares else 0.0

    def activation_swap(self, pair: Matched, partner: int) -> float:
        """Loss recovered by s a_f d_g in place of a_g d_g, with f the ``partner``."""
        agent = self.agents[pair.agent]
        scale = np.float32(self.scale(pair, partner))
        return self._recovered(pair, partner, scale, agent.decoder[pair.feature])

    def direction_swap(self, pair: Matched, direction: Tensor) -> float:
        """Loss recovered by a_f times a direction [d] in place of a_g d_g, with f the match."""
        return self._recovered(pair, pair.match, np.float32(1), direction)

    def _recovered(
        self, pair: Matched, partner: int, scale: np.float32, direction: Tensor
    ) -> float:
        """Share of the ablation's cost that is gone with scale a_f direction put in."""
        agent = self.agents[pair.agent]
        rows, values = self.agents[pair.other].fired(partner, evaluation=True)
        change = [
            Term(rows, scale * values, direction),
            agent.scaling(pair.feature, 0.0, evaluation=True),
        ]
        ablated = self.ablation(pair.agent, pair.feature).lost
        return 1 - float(self._lost(agent, self.evaluation, change).sum()) / ablated


def substitution_table(
    interchange: Interchange,
    pairs: Sequence[Matched],
    stream: Stream,
    floor: float = FLOOR,
    controls: int = 3,
    tick: Tick | None = None,
) -> pd.DataFrame:
    """One row per pair, in their order; each pair's ``feature`` is the one that is replaced.

    controls: features in the control "frequency". stream: for random directions. tick: called
    with (pairs done, pairs in all).

    Columns: those of Matched and of Ablation; consequential (the cost exceeds floor and chance;
    what follows is missing where it does not); scale (s) of the match; recovered loss with the
    match in place: activation_swap_match, activation_swap_second, activation_swap_frequency (mean
    over the features nearest to the match in firing frequency), direction_swap_match (along the
    match's direction, rotated), direction_swap_random (along a random direction as long); cosine
    of the rotated direction and the feature's own; aligned, the share of variance that the
    rotation explains.
    """
    records = []
    for i, pair in enumerate(pairs):
        ablation = interchange.ablation(pair.agent, pair.feature)
        worth_it = ablation.consequential(floor)
        record = {**asdict(pair), **asdict(ablation), "consequential": worth_it}
        if worth_it:
            record |= _activation_swaps(interchange, pair, controls)
            record |= _direction_swaps(interchange, pair, stream.generator(i))
        records.append(record)
        if tick:
            tick(i + 1, len(pairs))
    known = [field.name for kind in (Matched, Ablation) for field in fields(kind)]
    return pd.DataFrame(
        records, columns=[*known, "consequential", "scale", *FIGURES, "cosine", "aligned"]
    )


def _activation_swaps(interchange: Interchange, pair: Matched, controls: int) -> dict[str, float]:
    profiles = interchange.profiles[pair.other]
    similar = nearest_in_frequency(profiles, pair, np.arange(len(profiles)), controls)
    by_similar = [interchange.activation_swap(pair, int(f)) for f in similar]
    nan = float("nan")
    second = interchange.activation_swap(pair, pair.second) if pair.second >= 0 else nan
    return {
        "scale": interchange.scale(pair, pair.match),
        "activation_swap_match": interchange.activation_swap(pair, pair.match),
        "activation_swap_second": second,
        "activation_swap_frequency": float(np.mean(by_similar)) if by_similar else nan,
    }


def _direction_swaps(
    interchange: Interchange, pair: Matched, rng: np.random.Generator
) -> dict[str, float]:
    decoder = interchange.agents[pair.agent].decoder[pair.feature]
    written = interchange.agents[pair.other].decoder[pair.match]
    alignment, explained = interchange.alignment(pair.other, pair.agent)
    direction = written @ alignment.rotation
    random = torch.from_numpy(rng.standard_normal(len(decoder))).to(decoder)
    random *= direction.norm() / random.norm()
    return {
        "direction_swap_match": interchange.direction_swap(pair, direction),
        "direction_swap_random": interchange.direction_swap(pair, random),
        "cosine": float(torch.cosine_similarity(direction, decoder, dim=0)),
        "aligned": explained,
    }


def substitution_summary(
    table: pd.DataFrame, stream: Stream, resamples: int = 1000
) -> pd.DataFrame:
    """One row per figure: recovered loss, and the differences of a match and its controls, paired.

    Columns: figure; value (median over pairs that have it), low and high (95 % percentile
    bootstrap over features: groups of pairs are drawn, the quizzes and agents stay), pairs, groups.
    """
    figures = {name: table[name] for name in FIGURES}
    figures |= {f"{a} - {b}": table[a] - table[b] for a, b in CONTRASTS}
    group = table.group.to_numpy(int)
    return pd.DataFrame(
        {"figure": name}
        | asdict(over_groups(r.to_numpy(float), group, np.median, resamples, stream.generator()))
        for name, r in figures.items()
    )
