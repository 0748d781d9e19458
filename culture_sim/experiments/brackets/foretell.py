"""Can the rule of an agent be foretold, from its settings, its behaviour in distribution, or its
inside, when no agent of its setting was seen before?

All that is looked at is of strings as agents were trained on: none is unbalanced with equal
counts, which are what is to be foretold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from culture_sim.experiments.brackets.agent import Agent
from culture_sim.experiments.brackets.inside import DEEPEST, Looked, Sample, accuracy_by_kind
from world import Stream
from world.brackets.nesting import BALANCED, KINDS, UNEQUAL, heights

SETTINGS, BEHAVIOUR, INSIDE = SOURCES = ("settings", "behaviour", "inside")
COUNT, COUNT_DIP, COUNT_DIP_FIRST = (KINDS.index(KINDS[kind]) for kind in UNEQUAL)
NEAR = 4
"""Greatest surplus of strings that are compared with and without a dip: their counts are alike."""
NESTS = 0.5
"""Accuracy on unbalanced strings with equal counts from which on an agent leans to nesting."""
RESAMPLED = 2000


def settings_of(agent: Agent) -> list[float]:
    """What is known of an agent before it is trained: layers, log share, weight decay, ways."""
    world = agent.world
    log_share = np.log(world.equal_count_share + 0.003)
    return [agent.model.n_layers, log_share, agent.train.weight_decay, float(world.backwards)]


def behaviour_of(looked: Looked, sample: Sample) -> list[float]:
    """How much surer than by the count an agent is of strings that also dip, late or at once, and
    how its logit falls with the surplus; in standard deviations of its logits."""
    logits = looked.logits / _spread(looked, sample)
    return [
        _dip(logits, sample, COUNT_DIP),
        _dip(logits, sample, COUNT_DIP_FIRST),
        *_slopes(logits, sample),
    ]


def inside_of(looked: Looked, sample: Sample) -> list[float]:
    """The largest of all heads, and of all MLPs, in how far each says that a string dips, that it
    dips at once, and that it has a surplus of either bracket; the largest share of its attention
    to brackets that a head gives, at the end, to those below zero; and the accuracy that is lost
    of each kind at most without one component."""
    scale = _spread(looked, sample)
    found: list[float] = []
    for names in (looked.heads, looked.mlps):
        terms = [looked.of(name) / scale for name in names]
        found += [
            max(abs(_dip(term, sample, kind)) for term in terms)
            for kind in (COUNT_DIP, COUNT_DIP_FIRST)
        ]
        slopes = np.abs([_slopes(term, sample) for term in terms])
        found += slopes.max(axis=0).tolist()
    return [*found, _below_zero(looked), *_lost(looked, sample)]


def _spread(looked: Looked, sample: Sample) -> float:
    """The standard deviation of logits, of strings as agents were trained on."""
    known = np.isin(sample.kinds, (BALANCED, *UNEQUAL))
    return float(max(looked.logits[known].std(), 1e-6))


def _dip(values: NDArray[np.floating], sample: Sample, kind: int) -> float:
    """The mean of a kind less that of strings that do not dip, all of a small surplus of opening
    or closing brackets alike."""
    near = np.abs(heights(sample.strings)[:, -1]) <= NEAR
    one, other = (near & (sample.kinds == each) for each in (kind, COUNT))
    if not (one.any() and other.any()):
        return 0.0
    return float(values[one].mean() - values[other].mean())


def _slopes(values: NDArray[np.floating], sample: Sample) -> list[float]:
    """How the values change by a surplus of opening, and of closing brackets, a bracket."""
    final = heights(sample.strings)[:, -1]
    slopes = []
    for sign in (1, -1):
        surplus = sign * final
        chosen = (surplus >= 0) & np.isin(sample.kinds, (BALANCED, *UNEQUAL))
        centred = surplus[chosen] - surplus[chosen].mean()
        total = float(centred @ centred)
        slopes.append(float(centred @ values[chosen]) / total if total else 0.0)
    return slopes


def _below_zero(looked: Looked) -> float:
    """Of the attention to brackets of strings that dip, the share below zero, of the head with the
    largest."""
    given = looked.attention[:, :, [COUNT_DIP, COUNT_DIP_FIRST]].sum(axis=(2, 3))
    share = given[..., :DEEPEST].sum(-1) / np.maximum(given.sum(-1), 1e-9)
    return float(share.max())


def _lost(looked: Looked, sample: Sample) -> list[float]:
    kinds = [BALANCED, *UNEQUAL]
    whole = accuracy_by_kind(looked.logits, sample.kinds)[kinds]
    without = accuracy_by_kind(looked.ablated, sample.kinds)[:, kinds]
    return (whole - without).max(axis=0).tolist()


@dataclass(frozen=True)
class Foretold:
    """How well a source foretells accuracy out of distribution, of settings that were left out.

    predicted: float64 [n], of each agent when all agents of its setting were left out. error: the
    mean absolute error. area: under the curve for telling agents that lean to nesting; None where
    all or none do.
    """

    predicted: NDArray[np.float64]
    error: float
    area: float | None


def foretell(
    inputs: NDArray[np.float64], truth: NDArray[np.float64], groups: Sequence[str]
) -> Foretold:
    """Ridge regression on standardised inputs [n, k], one setting after the other left out."""
    predicted = np.zeros(len(truth))
    named = np.array(groups)
    for group in np.unique(named):
        out = named == group
        model = make_pipeline(StandardScaler(), Ridge(alpha=1.0))
        model.fit(inputs[~out], truth[~out])
        predicted[out] = np.clip(model.predict(inputs[out]), 0.0, 1.0)
    nests = truth >= NESTS
    both = 0 < nests.sum() < len(nests)
    area = float(roc_auc_score(nests, predicted)) if both else None
    return Foretold(predicted, float(np.abs(predicted - truth).mean()), area)


def gained(
    one: Foretold, other: Foretold, truth: NDArray[np.float64], groups: Sequence[str]
) -> tuple[float, float, float]:
    """The error of ``one`` less that of ``other``, with a 95 % interval over settings: they, not
    agents, are drawn again, since agents of a setting are alike."""
    named = np.array(groups)
    difference = np.abs(one.predicted - truth) - np.abs(other.predicted - truth)
    by_setting = np.array([difference[named == group].mean() for group in np.unique(named)])
    rng = Stream(0, "foretell").generator()
    draws = rng.integers(len(by_setting), size=(RESAMPLED, len(by_setting)))
    low, high = np.quantile(by_setting[draws].mean(axis=1), [0.025, 0.975])
    return float(by_setting.mean()), float(low), float(high)


def inputs_of(
    agents: Sequence[Agent], looks: Mapping[Agent, Looked], sample: Sample
) -> dict[str, NDArray[np.float64]]:
    """By source, float64 [n, k]."""
    sources: dict[str, Callable[[Agent], list[float]]] = {
        SETTINGS: settings_of,
        BEHAVIOUR: lambda agent: behaviour_of(looks[agent], sample),
        INSIDE: lambda agent: inside_of(looks[agent], sample),
    }
    return {name: np.array([of(agent) for agent in agents]) for name, of in sources.items()}
