"""What the units come to: the table, the verdicts and the page."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from culture_sim.experiments.brackets import Brackets, rows, verdicts
from culture_sim.experiments.brackets import populations as culture
from culture_sim.experiments.brackets.agent import Agent
from culture_sim.experiments.brackets.foretell import (
    INSIDE,
    SETTINGS,
    SOURCES,
    Foretold,
    foretell,
    gained,
    inputs_of,
)
from culture_sim.experiments.brackets.inside import (
    Looked,
    accuracy_by_kind,
    read_inside,
    sample_of,
)
from culture_sim.experiments.brackets.plan import (
    Judged,
    insides,
    judged,
    populations,
    probed,
    shared,
)
from culture_sim.experiments.brackets.probing import read_probed
from culture_sim.experiments.brackets.rules import LEARNED, NESTING, UNLEARNED, VERDICTS
from culture_sim.experiments.brackets.shared import Compared, Shared, read_shared
from culture_sim.experiments.findings import Findings, Verdict, tidy
from culture_sim.experiments.units import Place
from world.brackets.nesting import EQUAL


@dataclass(frozen=True)
class Found:
    """All that was made, read once."""

    options: Brackets
    place: Place

    @cached_property
    def agents(self) -> list[Judged]:
        """Without scratchpads, of all settings."""
        return judged(self.place, self.options.agents())

    @cached_property
    def learned(self) -> list[Judged]:
        """Those of them that tell balanced strings."""
        return [each for each in self.agents if each.rule != UNLEARNED]

    @cached_property
    def scribes(self) -> list[Judged]:
        """With scratchpads, and the classifiers beside them."""
        return judged(self.place, self.options.scribes())

    @cached_property
    def looks(self) -> dict[Agent, Looked]:
        """What was seen inside, by agent."""
        units = insides(self.options, self.agents)
        return {unit.agent: read_inside(self.place, unit) for unit in units}

    @cached_property
    def probes(self) -> list[tuple[Judged, pd.DataFrame, pd.DataFrame]]:
        """Tables of probes and exchanges, by agent."""
        by_agent = {each.agent: each for each in self.agents}
        return [
            (by_agent[unit.agent], *read_probed(self.place, unit))
            for unit in probed(self.options, self.agents)
        ]

    @cached_property
    def courses(self) -> list[tuple[culture.Population, list[dict[str, Any]]]]:
        """What rounds measured, by population."""
        units = populations(self.options, self.agents)
        return [(unit, culture.read_population(self.place, unit)) for unit in units]

    @cached_property
    def shared(self) -> list[tuple[Shared, Compared]]:
        """What autoencoders found, of one population or none."""
        units = shared(self.options, self.agents)
        return [(unit, read_shared(self.place, unit)) for unit in units]

    def of(self, share: float, layers: int, decayed: bool) -> list[Judged]:
        """Learned agents of a setting, reading both ways."""
        return [
            each
            for each in self.learned
            if each.agent.world.backwards
            and each.agent.world.equal_count_share == share
            and each.agent.model.n_layers == layers
            and (each.agent.train.weight_decay > 0) == decayed
        ]

    @cached_property
    def foretold(self) -> dict[str, Foretold]:
        """By source, for all learned agents; empty where there is no setting to leave out."""
        settings = {each.agent.setting for each in self.learned}
        if not self.looks or len(settings) < 3:
            return {}
        sample = sample_of(self.options.length, self.options.inside)
        inputs = inputs_of([each.agent for each in self.learned], self.looks, sample)
        return {source: foretell(inputs[source], self.truth, self.groups) for source in SOURCES}

    @cached_property
    def truth(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """float64 [n]: accuracies out of distribution of learned agents."""
        return np.array([each.accuracy for each in self.learned])

    @cached_property
    def groups(self) -> list[str]:
        """Their settings."""
        return [each.agent.setting for each in self.learned]


def find(options: Brackets, place: Place) -> Findings:
    """Everything that is told of the experiment."""
    from culture_sim.experiments.brackets.sections import sections  # loads matplotlib

    found = Found(options, place)
    return Findings(_table(found), _verdicts(found), sections(found), _summary(found))


def _table(found: Found) -> pd.DataFrame:
    made: list[dict[str, Any]] = []
    for each in (*found.agents, *found.scribes):
        made += rows.rows_of_agent(each)
    if found.looks:
        sample = sample_of(found.options.length, found.options.inside)
        for each in found.agents:
            made += rows.rows_inside(each, found.looks[each.agent], sample)
    for each, probes, exchanges in found.probes:
        made += rows.rows_of_probes(each, probes, exchanges)
    for unit, rounds in found.courses:
        made += rows.rows_of_population(unit, rounds)
    for features, compared in found.shared:
        made += rows.rows_of_features(features, compared)
    return tidy(made, rows.SETTINGS)


def _verdicts(found: Found) -> list[Verdict]:
    def accuracies(*setting: Any) -> list[float]:
        return [each.accuracy for each in found.of(*setting)]

    def rules(share: float) -> list[str]:
        return [e.rule for e in found.learned if e.agent.world.equal_count_share == share]

    shares = [share for share in found.options.shares if share]
    told = [
        verdicts.spread(accuracies(0.0, 2, False)),
        verdicts.one_layer_counts(accuracies(0.0, 1, True)),
        verdicts.decay_nests(accuracies(0.0, 2, True), accuracies(0.0, 2, False)),
    ]
    if shares:
        told.append(verdicts.few_suffice(min(shares), rules(min(shares))))
        told.append(verdicts.only_first_symbol(max(shares), rules(max(shares))))
    learned = [each for each in found.scribes if each.rule != UNLEARNED]
    scribes = [each.accuracy for each in learned if each.agent.world.scratch != "none"]
    plain = [each.accuracy for each in learned if each.agent.world.scratch == "none"]
    told.append(verdicts.scratchpads_nest(scribes, plain))
    told.append(_of_heads(found))
    told.append(verdicts.foretold(foretelling_gain(found)))
    return [*told, *_of_culture(found), _of_features(found)]


def foretelling_gain(found: Found) -> tuple[float, float, float] | None:
    """The error from the inside less that from settings; None where nothing was foretold."""
    if not found.foretold:
        return None
    one, other = found.foretold[INSIDE], found.foretold[SETTINGS]
    return gained(one, other, found.truth, found.groups)


def changed_by_ablation(found: Found, of: Judged) -> np.ndarray[Any, np.dtype[np.float64]]:
    """float64 [components, 6]: accuracy by kind without a component, less that with it."""
    sample, looked = sample_of(found.options.length, found.options.inside), found.looks[of.agent]
    whole = accuracy_by_kind(looked.logits, sample.kinds)
    return accuracy_by_kind(looked.ablated, sample.kinds) - whole


def _of_heads(found: Found) -> Verdict:
    raising, lowering = [], []
    for each in found.learned if found.looks else []:
        looked = found.looks[each.agent]
        heads = np.isin(looked.components, looked.heads)
        changed = changed_by_ablation(found, each)[heads][:, list(EQUAL)].mean(axis=1)
        if each.rule == NESTING:
            lowering.append(bool(changed.min() <= -verdicts.CHANGED))
        else:
            raising.append(bool(changed.max() >= verdicts.CHANGED))
    return verdicts.heads_disagree(raising, lowering)


def _of_culture(found: Found) -> list[Verdict]:
    return [
        verdicts.majority_decides(
            undecided_kept(found, nested=False), undecided_kept(found, nested=True)
        ),
        verdicts.culture_moves("most agents nest", 1, against_random(found, nested=True)),
        verdicts.culture_moves("most agents do not", -1, against_random(found, nested=False)),
    ]


def _of_features(found: Found) -> Verdict:
    f1: dict[bool, list[float]] = {True: [], False: []}
    for _, compared in found.shared:
        for nests, told in zip(compared.nests, compared.dipped, strict=False):
            f1[nests].append(told["f1"])
    return verdicts.dips_are_seen(f1[True], f1[False])


def undecided_kept(found: Found, nested: bool) -> list[tuple[int, int]]:
    """By seed, of what its populations in which most nest, or most do not, kept of undecided
    strings in all rounds of full culture: those with the right verdict, and all."""
    by_seed: Counter[tuple[int, str]] = Counter()
    for unit, rounds in found.courses:
        if unit.arm == culture.FULL and (unit.nesters > culture.SIZE / 2) == nested:
            for told in rounds[1:]:
                for name, count in told["kept"]["undecided"].items():
                    by_seed[unit.seed, name] += count
    seeds = sorted({seed for seed, _ in by_seed})
    return [(by_seed[seed, "right"], by_seed[seed, "quizzes"]) for seed in seeds]


def against_random(found: Found, nested: bool) -> list[float]:
    """By seed, what full culture changed in the mean accuracy on undecided strings, less what the
    random filter did to the same agents: the mean of populations in which most but not all nest,
    or the fewer but not none.

    Populations of a seed share most of their agents, so they count as one observation. Those of
    other seeds may share some as well, so that intervals over seeds are rather too narrow.
    """
    changed: dict[tuple[int, int], dict[str, float]] = {}
    for unit, rounds in found.courses:
        mixed = 0 < unit.nesters < culture.SIZE
        if mixed and (unit.nesters > culture.SIZE / 2) == nested:
            course = culture.accuracies(rounds).mean(axis=1)
            pair = changed.setdefault((unit.seed, unit.nesters), {})
            pair[unit.arm] = float(course[-1] - course[0])
    by_seed: dict[int, list[float]] = {}
    for (seed, _), pair in changed.items():
        by_seed.setdefault(seed, []).append(pair[culture.FULL] - pair["random_filter"])
    return [float(np.mean(differences)) for differences in by_seed.values()]


def _summary(found: Found) -> dict[str, Any]:
    by_setting: dict[str, Counter[str]] = {}
    for each in found.agents:
        by_setting.setdefault(each.agent.setting, Counter())[each.rule] += 1
    return {
        "agents": len(found.agents),
        "learned": {"at": LEARNED, "agents": len(found.learned)},
        "rules": {name: {r: n[r] for r in VERDICTS} for name, n in by_setting.items()},
        "accuracy_equal": {
            name: sorted(e.accuracy for e in found.agents if e.agent.setting == name)
            for name in by_setting
        },
        "foretold": {
            source: {"error": each.error, "area": each.area}
            for source, each in found.foretold.items()
        },
        "populations": len(found.courses),
    }
