"""What can be read off an agent by probes, and whether its verdict follows what they read.

At brackets of the string: the height, the lowest height so far, whether it has been below zero,
the depth. Where the verdict is read: the same of the whole string. What is held out are strings,
not tokens; and long strings in a test of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agents.circuits.probes import (
    ProbeOptions,
    Target,
    at,
    exchange,
    fit_probe,
    fit_shuffled,
    pairs_that_differ,
    probe_sites,
    residual_sites,
)
from agents.circuits.probes.targets import Kind
from agents.model import AgentModel, build_model
from culture_sim.experiments.brackets.agent import AGAIN, ROOT, Agent, load_agent
from culture_sim.experiments.brackets.exam import as_asked
from culture_sim.experiments.brackets.inside import Sample
from culture_sim.experiments.units import Place, Unit
from sae.files import read_parquet, write_parquet
from world import QuizBatch, Stream
from world.brackets import BracketsWorld
from world.brackets.nesting import BALANCED, EQUAL, KINDS, depths, heights, lengths, lows

PROBES, EXCHANGES = "probes.parquet", "exchange.parquet"
OPTIONS = ProbeOptions(folds=3, permutations=1, resamples=100)
THIRDS = ("early", "middle", "late")
"""Places in a string, by thirds of the longest."""
TOKENS = 3
"""Brackets of a string that probes are fitted to, drawn by chance, in each third."""
LONG = 0.85
"""Strings longer than this share of all are held out, too."""
ENOUGH = 20
"""Pairs without which nothing is exchanged."""


@dataclass(frozen=True, kw_only=True)
class Probed(Unit):
    """Probes of one agent, and exchanges along them."""

    agent: Agent
    sample: Sample

    @property
    def name(self) -> str:
        return f"probes/{self.agent.setting}-seed{self.agent.seed}"

    def make(self, folder: Path, place: Place) -> Sequence[str]:
        """Two tables, of ``probe_sites`` and of ``Exchange.table``."""
        model, world = load_agent(place, self.agent), self.agent.world
        batch = as_asked(world, self.sample.strings)
        untrained = build_model(self.agent.model, world, ROOT).eval().requires_grad_(False)
        write_parquet(folder / PROBES, _read_off(model, untrained, world, batch))
        write_parquet(folder / EXCHANGES, _exchanged(model, world, batch, self.sample))
        return [PROBES, EXCHANGES]


def read_probed(place: Place, unit: Probed) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables of a made unit."""
    folder = place.of(unit)
    probes, exchanges = (read_parquet(folder / name, AGAIN) for name in (PROBES, EXCHANGES))
    return probes, exchanges


def _read_off(
    model: AgentModel, untrained: AgentModel, world: BracketsWorld, batch: QuizBatch
) -> pd.DataFrame:
    size = lengths(world.strings(batch))
    held_out = size > np.quantile(size, LONG)
    thirds = _thirds(world, batch)
    asked = [
        (of_brackets(world, batch), thirds),
        (of_strings(world, batch), {"end": _end(world, batch)}),
    ]
    tables = [
        probe_sites(
            model,
            batch,
            targets,
            places=places,
            groups=world.canonical_hash(batch),
            held_out=held_out,
            untrained=untrained,
            given={"length": size},
            options=OPTIONS,
        )
        for targets, places in asked
    ]
    return pd.concat(tables, ignore_index=True)


def _end(world: BracketsWorld, batch: QuizBatch) -> NDArray[np.bool_]:
    return at(np.full(len(batch), world.codec.answer), world.seq_len)


def of_brackets(world: BracketsWorld, batch: QuizBatch) -> list[Target]:
    """What is true at a bracket that was just read."""
    kinds: dict[str, Kind] = {
        "height": "number",
        "low": "number",
        "dipped": "class",
        "depth": "number",
    }
    return [Target.of_world(world, batch, name, kind) for name, kind in kinds.items()]


def of_strings(world: BracketsWorld, batch: QuizBatch) -> list[Target]:
    """The same of whole strings, where the verdict is read."""
    strings = world.strings(batch)
    height = heights(strings)
    values = {
        "final height": height[:, -1],
        "lowest height": lows(height)[:, -1],
        "dips": (height.min(axis=1) < 0).astype(np.int64),
        "deepest": depths(strings),
    }
    return [
        Target.of_quizzes(name, "class" if name == "dips" else "number", each, world.seq_len)
        for name, each in values.items()
    ]


def _thirds(world: BracketsWorld, batch: QuizBatch) -> dict[str, NDArray[np.bool_]]:
    """By third, bool [n, T]: TOKENS positions of each string at most, of brackets just read."""
    rng = Stream(ROOT, "probe-tokens").generator()
    place = world.labels(batch)["place"]
    # A bracket is read at the position after its own.
    place = np.pad(place[:, :-1], ((0, 0), (1, 0)), constant_values=-1)
    lots = rng.random(place.shape)
    found = {}
    for number, name in enumerate(THIRDS):
        inside = (place >= 0) & (place * len(THIRDS) // world.length == number)
        rank = np.where(inside, lots, 2.0).argsort(axis=1).argsort(axis=1)
        found[name] = inside & (rank < TOKENS)
    return found


def _exchanged(
    model: AgentModel, world: BracketsWorld, batch: QuizBatch, sample: Sample
) -> pd.DataFrame:
    """What a probe reads at the end is put there from another string, alike in all but that.

    "dips": of strings with equal counts and the same length. "final height": of strings that never
    dip, of the same length. Probes are fitted to one half of the strings, and pairs are of the
    other.
    """
    kinds, size = sample.kinds, lengths(sample.strings)
    half = fitted_to(world, batch)
    rules = {
        "dips": np.isin(kinds, (BALANCED, *EQUAL)),
        "final height": np.isin(kinds, (BALANCED, KINDS.index("count"))),
    }
    targets = {target.name: target for target in of_strings(world, batch)}
    answer = np.full((len(batch), 1), world.codec.answer)
    end = _end(world, batch)
    tables = []
    for name, chosen in rules.items():
        values = targets[name].values[:, -1]
        known = np.where(chosen & ~half, values, np.nan)
        rng = Stream(ROOT, f"pairs-{name}").generator()
        base, donor = pairs_that_differ(known, size, rng)
        if len(base) < ENOUGH:
            continue
        fitted = Target.of_quizzes(name, targets[name].kind, values[half], world.seq_len)
        for site in residual_sites(model):
            where = (model, batch[half], fitted, site, end[half], OPTIONS)
            found = exchange(
                model,
                fit_probe(*where),
                batch[base],
                batch[donor],
                answer[base],
                answer[base],
                shuffled=fit_shuffled(*where),
            )
            tables.append(found.table().assign(target=name, site=site))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"target": []})


def fitted_to(world: BracketsWorld, batch: QuizBatch) -> NDArray[np.bool_]:
    """bool [n]: the strings that probes are fitted to, each with its mirror image."""
    return np.asarray(world.canonical_hash(batch) % np.uint64(2) == 0)
