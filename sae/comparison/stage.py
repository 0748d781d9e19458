"""The comparison of the SAEs of all agents as one step, from agents and quizzes to files.

It is left alone where it is there. Agents and quizzes come in as they are, results go to paths,
so nothing here knows of runs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from scipy import sparse

from agents.model import AgentModel
from sae.activations.codes import agent_codes
from sae.activations.harvest import TokenRows, token_rows
from sae.comparison.compare import Comparison, Tick, compare_features
from sae.comparison.examples import Logits, find_examples
from sae.comparison.geometry import Geometry, decoder_geometry
from sae.comparison.logits import logit_weights
from sae.comparison.results import SCHEMA, baseline_figures, family_table, match_table, summary
from sae.comparison.universality import Universality
from sae.concepts.meaning import Meaning, find_meaning
from sae.config import SAEConfig
from sae.dictionaries.artifacts import Place, record_of, trained_baseline
from sae.dictionaries.baselines import ReadBaseline, baselines
from sae.dictionaries.training import load_sae
from sae.files import write_parquet
from sae.matching.features import Features, select_features
from sae.threads import side_by_side
from world import UNKNOWN_TASK, QuizBatch, Stream, World
from world.core.files import write_json

COMPARISON_FIELDS = (
    "min_firings",
    "nulls",
    "baselines",
    "permutations",
    "concept_quizzes",
    "resamples",
)
"""Options that a comparison of given SAEs depends on."""
METHOD = 6
"""Raised when the same inputs come to give other figures, so that older results are remade."""
SUMMARY = "summary.json"
"""Written last into a comparison's folder."""
TABLES = (
    "matches.parquet",
    "families.parquet",
    "features.parquet",
    "concepts.parquet",
    "coverage.parquet",
    "quizzes.parquet",
    "examples.parquet",
    "family_examples.parquet",
)
"""The rest of it."""


def compare_agents(
    agents: Mapping[int, AgentModel],
    places: Sequence[Place],
    world: World,
    batch: QuizBatch,
    known: QuizBatch,
    config: SAEConfig,
    out_dir: Path,
    stream: Stream,
    tick: Tick | None = None,
) -> dict[str, Any]:
    """Compare agents on one batch and write ``out_dir``, unless it is there; returns the summary.

    agents: by number. places: of their SAEs, all trained. batch: held-out quizzes in answer
    layouts, the world's and (task -1) culture's. known: the world's alone, with all that
    their generator knows. stream: for nulls and resamples. tick: called with (steps done, steps
    in all). The summary is written last, so a folder that has one is complete.
    """
    made_from = _compared_from(places, batch, config, stream)
    done = _read_summary(out_dir)
    whole = all((out_dir / name).exists() for name in TABLES)
    if done is not None and whole and done.get("made_from") == made_from:
        return done
    work = _Comparing(agents, places, world, batch, config, stream, tick)
    features = work.features([str(seed) for seed in range(config.seeds)])
    comparison = work.compared(features, config, closely=True)
    found = {name: work.baseline(name) for name in config.baselines}
    geometry = work.geometry(comparison)
    meaning = work.meaning(comparison, known[: config.concept_quizzes])
    _write_tables(comparison, geometry, meaning, config, out_dir)
    _write_examples(comparison, features, work.logits(), world, batch, work.rows, out_dir)
    culture = int((batch.task == UNKNOWN_TASK).sum())
    tree = summary(comparison, geometry, config, _sae_figures(places, features), culture)
    tree["baselines"] = {
        name: baseline_figures(universality, _baseline_quality(places, name))
        for name, universality in found.items()
        if universality is not None
    }
    write_json(out_dir / SUMMARY, {**tree, "meaning": meaning.figures(), "made_from": made_from})
    return _read_summary(out_dir) or {}


class _Comparing:
    """The steps of a comparison, on the same quizzes and with one count of what is done."""

    def __init__(
        self,
        agents: Mapping[int, AgentModel],
        places: Sequence[Place],
        world: World,
        batch: QuizBatch,
        config: SAEConfig,
        stream: Stream,
        tick: Tick | None,
    ) -> None:
        self.agents, self.world, self.batch, self.config = agents, world, batch, config
        self.stream, self.tick = stream, tick
        self.rows = token_rows(world, batch)
        self._places = {(place.agent, place.role): place for place in places}
        # Here and not where they are needed, which is on several threads: weights are drawn from
        # PyTorch's global generator.
        self._subjects = {
            key: trained_baseline(place.role).subject(agents[place.agent], world, place.seed)
            for key, place in self._places.items()
        }
        pairs = len(agents) * (len(agents) - 1) // 2
        compared = 1 + sum(self._available(name) for name in config.baselines)
        self._done, self._steps = 0, (len(agents) + pairs) * compared + 2

    def _available(self, name: str) -> bool:
        """Whether a baseline exists at the site."""
        found, agent = baselines[name], next(iter(self.agents.values()))
        return not isinstance(found, ReadBaseline) or found.available(agent, self.config.site)

    def features(self, names: Sequence[str]) -> dict[int, list[Features]]:
        """By agent, what the SAEs of some roles make of the quizzes."""
        return self._each(lambda agent: self._sae_features(agent, names))

    def compared(
        self, features: Mapping[int, Sequence[Features]], config: SAEConfig, closely: bool
    ) -> Comparison:
        """All pairs of agents by their features."""
        rows, site = self.rows, self.config.site
        return compare_features(
            features, rows, config, site, self.stream, lambda *_: self._step(), closely
        )

    def baseline(self, name: str) -> Universality | None:
        """How well a baseline's features match under the first null; None where there is none."""
        if not self._available(name):
            return None
        found = baselines[name]
        if isinstance(found, ReadBaseline):
            features = self._each(lambda agent: [self._read_features(found, agent)])
        else:
            features = self.features([name])
        first = self.config.nulls[0]
        # One draw: a baseline's null is a median over features, and they may be dense, thus slow.
        config = replace(self.config, nulls=(first,), permutations=1)
        return self.compared(features, config, closely=False).overall[first]

    def geometry(self, comparison: Comparison) -> dict[tuple[int, int], Geometry]:
        """Where the decoders of matched features point, after agents are turned."""
        loaded = {n: load_sae(self._places[n, "0"].path) for n in self.agents}
        self._step()
        return decoder_geometry(
            self.agents,
            {n: sae.W_dec for n, sae in loaded.items()},
            {pair: d.match.feature_b for pair, d in comparison.directions.items()},
            self.world,
            self.batch,
            self.rows,
            self.config.site,
        )

    def logits(self) -> Logits:
        """What the features of each agent's first SAE write towards."""
        site = self.config.site
        return {
            n: logit_weights(agent, site, load_sae(self._places[n, "0"].path).W_dec)
            for n, agent in self.agents.items()
        }

    def meaning(self, comparison: Comparison, quizzes: QuizBatch) -> Meaning:
        """What features and families are called, on quizzes whose truth is known."""
        self._step()
        return find_meaning(
            sorted(self.agents),
            self._codes,
            self.config.dictionary,
            self.config.baselines,
            comparison.families,
            self.world,
            quizzes,
            self.stream,
        )

    def _codes(self, number: int, dictionary: str, quizzes: QuizBatch) -> sparse.csr_array | None:
        """What a dictionary of an agent makes of other quizzes than those compared on."""
        agent, site = self.agents[number], self.config.site
        name = "0" if dictionary == self.config.dictionary else dictionary
        if not name.isdigit():
            if not self._available(name):
                return None
            found = baselines[name]
            if isinstance(found, ReadBaseline):
                rows = token_rows(self.world, quizzes)
                return found.codes(agent, self.world, quizzes, site, rows)
        return self._sae_codes(number, [name], quizzes)[0]

    def _each(self, make: Callable[[int], list[Features]]) -> dict[int, list[Features]]:
        numbers, found = sorted(self.agents), {}
        jobs = [partial(make, number) for number in numbers]
        for number, features in zip(numbers, side_by_side(jobs), strict=True):
            found[number] = features
            self._step()
        return found

    def _step(self) -> None:
        self._done += 1
        if self.tick:
            self.tick(self._done, self._steps)

    def _sae_features(self, number: int, names: Sequence[str]) -> list[Features]:
        return [self._selected(codes) for codes in self._sae_codes(number, names, self.batch)]

    def _sae_codes(
        self, number: int, names: Sequence[str], quizzes: QuizBatch
    ) -> list[sparse.csr_array]:
        """Codes of an agent's SAEs of some roles; all of them read the same activations."""
        subject = self._subjects[number, names[0]]
        device = str(next(subject.parameters()).device)
        loaded = [load_sae(self._places[number, name].path, device) for name in names]
        return agent_codes(subject, self.world, quizzes, self.config.site, loaded)

    def _read_features(self, found: ReadBaseline, number: int) -> Features:
        site, agent = self.config.site, self.agents[number]
        return self._selected(found.codes(agent, self.world, self.batch, site, self.rows))

    def _selected(self, codes: sparse.csr_array) -> Features:
        return select_features(codes, self.rows.reported, self.config.min_firings)


def _compared_from(
    places: Sequence[Place], batch: QuizBatch, config: SAEConfig, stream: Stream
) -> dict[str, Any]:
    """What a comparison's figures depend on, in plain types."""
    quizzes = hashlib.blake2b(digest_size=16)
    for array in (batch.tokens, batch.layout, batch.task):
        quizzes.update(array.tobytes())
    tree = {
        "method": METHOD,
        "saes": {f"{p.agent}/{p.role}": record_of(p)["made_from"] for p in places},
        "quizzes": quizzes.hexdigest(),
        "seed": str(stream.seed()),
        **{name: getattr(config, name) for name in COMPARISON_FIELDS},
    }
    return dict(json.loads(json.dumps(tree)))


def _write_tables(
    comparison: Comparison,
    geometry: Mapping[tuple[int, int], Geometry],
    meaning: Meaning,
    config: SAEConfig,
    out_dir: Path,
) -> None:
    _clear(out_dir)
    write_parquet(out_dir / "matches.parquet", match_table(comparison, geometry, config.dictionary))
    write_parquet(out_dir / "families.parquet", family_table(comparison.families, meaning))
    write_parquet(out_dir / "features.parquet", meaning.names)
    write_parquet(out_dir / "concepts.parquet", meaning.concepts)
    write_parquet(out_dir / "coverage.parquet", meaning.coverage)


def _write_examples(
    comparison: Comparison,
    features: Mapping[int, Sequence[Features]],
    logits: Logits,
    world: World,
    batch: QuizBatch,
    rows: TokenRows,
    out_dir: Path,
) -> None:
    """What the features of each agent's first SAE respond to."""
    first = {agent: seeds[0] for agent, seeds in features.items()}
    found = find_examples(comparison.families, first, logits, world, batch, rows)
    write_parquet(out_dir / "quizzes.parquet", found.quizzes)
    write_parquet(out_dir / "examples.parquet", found.features)
    write_parquet(out_dir / "family_examples.parquet", found.families)


def _clear(out_dir: Path) -> None:
    """Remove what there is of a former comparison, and all that was found out with it.

    The summary goes first: tables of two comparisons must never pass for one.
    """
    (out_dir / SUMMARY).unlink(missing_ok=True)
    for path in out_dir.glob("*"):
        if path.is_file():
            path.unlink()


def _sae_figures(
    places: Sequence[Place], features: Mapping[int, Sequence[Features]]
) -> list[dict[str, Any]]:
    """By agent and SAE: the figures it was graded with, and how many features are compared."""
    figures = []
    for place in places:
        if place.role.isdigit():
            found = features[place.agent][int(place.role)]
            figures.append(
                {
                    "agent": place.agent,
                    "sae": int(place.role),
                    "features": found.size,
                    "compared": found.compared,
                    "silent": float((found.firings == 0).mean()),
                    "seconds": record_of(place)["seconds"],
                    **record_of(place)["quality"],
                }
            )
    return sorted(figures, key=lambda row: (row["agent"], row["sae"]))


def _baseline_quality(places: Sequence[Place], name: str) -> list[dict[str, Any]]:
    """How the SAEs of a trained baseline were graded, by agent."""
    return [record_of(place)["quality"] for place in places if place.role == name]


def _read_summary(out_dir: Path) -> dict[str, Any] | None:
    """The figures of a comparison, None where there are none in this version."""
    try:
        found = dict(json.loads((out_dir / SUMMARY).read_text()))
    except (OSError, ValueError):
        return None
    return found if found.get("schema") == SCHEMA else None
