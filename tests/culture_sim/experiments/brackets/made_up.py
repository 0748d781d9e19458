"""Units that nobody made: files as if agents followed known rules, and all that comes after."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from culture_sim.experiments.brackets import Brackets
from culture_sim.experiments.brackets.agent import ANSWERS, MEASURES, Agent
from culture_sim.experiments.brackets.exam import PARTS
from culture_sim.experiments.brackets.inside import DEEPEST, FILE, Inside
from culture_sim.experiments.brackets.plan import later_units
from culture_sim.experiments.brackets.populations import FILE as ROUNDS
from culture_sim.experiments.brackets.populations import FULL, Population
from culture_sim.experiments.brackets.probing import EXCHANGES, PROBES, Probed
from culture_sim.experiments.brackets.shared import COVERAGE, SUMMARY, Shared
from culture_sim.experiments.runs import PRESET
from culture_sim.experiments.units import Place, Unit
from culture_sim.features.folders import dictionary_configs, features_path
from culture_sim.run.run import Run
from sae.files import write_arrays, write_parquet
from world.brackets.nesting import KINDS, accepts, heights
from world.core.files import write_json

MARGIN = 4.0
"""By which a made-up agent is sure."""


def rule_of(agent: Agent) -> str:
    """Agents with strings of equal counts nest, those of one layer count, others do either."""
    if agent.world.equal_count_share or agent.world.scratch != "none":
        return "nested"
    return "count" if agent.model.n_layers == 1 or agent.seed % 2 else "nested"


def make_up(options: Brackets, place: Place) -> None:
    """Files of all units."""
    for agent in (*options.agents(), *options.scribes()):
        _agent(place, agent)
    for unit in later_units(options, place):
        place.of(unit).mkdir(parents=True)
        _later(place, unit)


def _agent(place: Place, agent: Agent) -> None:
    strings = agent.exam.all
    said = np.where(accepts(rule_of(agent), strings), MARGIN, -MARGIN)
    right = accepts("nested", strings) == (said > 0)
    noise = np.random.default_rng(agent.seed).normal(0, 0.1, len(said))
    arrays = {
        "logits": (said + noise).astype(np.float32),
        "first_wrong": np.where(right, -1, 0).astype(np.int64),
    }
    folder = place.of(agent)
    folder.mkdir(parents=True)
    write_arrays(folder / ANSWERS, **arrays)
    curve = {"64": 0.5, "128": float(right[: len(agent.exam.parts[PARTS[0]])].mean())}
    test = {"accuracy": 1.0, "correct": 200, "total": 200}
    write_json(folder / MEASURES, {"diverged": None, "test": test, "curve": curve})


def _later(place: Place, unit: Unit) -> None:
    if isinstance(unit, Inside):
        _inside(place, unit)
    elif isinstance(unit, Probed):
        _probed(place, unit)
    elif isinstance(unit, Population):
        _population(place, unit)
    elif isinstance(unit, Shared):
        _shared(place, unit)


def _inside(place: Place, unit: Inside) -> None:
    """One head counts; another, of agents that nest, sees dips; without it they count."""
    strings, kinds = unit.sample.strings, unit.sample.kinds
    layers = unit.agent.model.n_layers
    names = [each.format(layer) for layer in range(layers) for each in ("{}.0", "{}.1", "m{}")]
    nests = rule_of(unit.agent) == "nested"
    dips = (heights(strings).min(axis=1) < 0) & nests
    terms = np.zeros((len(strings), len(names) + 2), dtype=np.float32)
    terms[:, 0] = MARGIN - np.abs(heights(strings)[:, -1]) * 2 * MARGIN
    terms[:, 1] = -2 * MARGIN * dips
    ablated = np.repeat(terms.sum(axis=1)[None], len(names), axis=0)
    ablated[1] = terms[:, 0]
    shape = (layers, 2, len(KINDS), 2, 2 * DEEPEST + 1)
    write_arrays(
        place.of(unit) / FILE,
        names=np.array(["embed", *names, "biases"]),
        contributions=np.roll(terms, 1, axis=1),
        ablated=ablated.astype(np.float32),
        attention=np.full(shape, 0.01, dtype=np.float32),
        end=np.stack([kinds, terms.sum(axis=1)], axis=1).astype(np.float32),
    )


def _probed(place: Place, unit: Probed) -> None:
    probes = {
        "site": "blocks.0.hook_resid_post",
        "place": "end",
        "target": "dips",
        "probe": "agent",
        "minus": ["", "untrained"],
        "split": "folds",
        "metric": "auroc",
        "value": [0.9, 0.3],
        "low": [0.8, 0.2],
        "high": [1.0, 0.4],
        "tokens": 60,
        "groups": 60,
    }
    exchanged = {
        "edit": ["probe", "random"],
        "pairs": [30, 0],
        "turned": [0.8, float("nan")],
        "low": [0.6, float("nan")],
        "high": [0.9, float("nan")],
        "way": [0.7, float("nan")],
        "alike": [0, 10],
        "kept": [float("nan"), 1.0],
        "target": "dips",
        "site": "blocks.0.hook_resid_post",
    }
    write_parquet(place.of(unit) / PROBES, pd.DataFrame(probes))
    write_parquet(place.of(unit) / EXCHANGES, pd.DataFrame(exchanged))


def _population(place: Place, unit: Population) -> None:
    """Full culture moves everybody to the majority, and keeps its verdicts."""
    began = [1.0] * unit.nesters + [0.0] * (5 - unit.nesters)
    most = 1.0 if unit.nesters > 2 else 0.0
    step = 0.1 + 0.01 * unit.seed if unit.arm == FULL else 0.0
    ended = [value + step * (most - value) for value in began]
    equal = {"quizzes": 40, "right": 38 if most else 2}
    counts: dict[str, Any] = {"all": {"quizzes": 60, "right": 50}, "undecided": equal}
    later = {"round": 1, "accuracy": ended, "undecided": ended, "kept": counts, "proposed": counts}
    write_json(
        place.of(unit) / ROUNDS,
        {"rounds": [{"round": 0, "accuracy": began, "undecided": began}, later]},
    )


def _shared(place: Place, unit: Shared) -> None:
    run = Run(place.of(unit) / "run", unit.config, PRESET)
    folder = features_path(run, dictionary_configs(unit.config)[0])
    folder.mkdir(parents=True)
    figures = {"value": 0.5, "cross": 0.6, "null": 0.1, "ceiling": None}
    pairs = [{"agent_a": a, "agent_b": b, **figures} for b in range(5) for a in range(b)]
    write_json(folder / SUMMARY, {"pairs": pairs})
    coverage = {
        "dictionary": "own",
        "agent": range(5),
        "moment": "read",
        "label": "dipped",
        "f1": [0.9] * unit.nesters + [0.4] * (5 - unit.nesters),
        "low": 0.3,
        "high": 1.0,
        "always_f1": 0.3,
    }
    write_parquet(folder / COVERAGE, pd.DataFrame(coverage))
