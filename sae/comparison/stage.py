"""The comparison of the SAEs of all agents as one step, from agents and quizzes to files.

It is left alone where it is there. Agents and quizzes come in as they are, results go to paths,
so nothing here knows of runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from scipy import sparse

from agents.model import AgentModel
from sae.activations.harvest import token_rows
from sae.artifacts import FILES, kept, plain
from sae.comparison.compare import Comparison, compare_features, measure_universality
from sae.comparison.examples import Logits, find_examples
from sae.comparison.geometry import Geometry, decoder_geometry
from sae.comparison.logits import logit_weights
from sae.comparison.results import baseline_figures, family_table, match_table, summary
from sae.comparison.schema import SCHEMA
from sae.comparison.universality import Universality
from sae.concepts.meaning import Meaning, find_meaning
from sae.config import ComparisonConfig, DictionaryConfig
from sae.dictionaries.agents import AgentDictionaries
from sae.dictionaries.slots import SAESlot
from sae.files import refuse_blocked, write_parquet
from sae.matching.features import Features, select_features
from sae.threads import side_by_side
from world import QuizBatch, Stream, World
from world.core.files import hashes_of, write_json
from world.core.options import to_tree

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
    slots: Sequence[SAESlot],
    world: World,
    batch: QuizBatch,
    known: QuizBatch,
    dictionary: DictionaryConfig,
    config: ComparisonConfig,
    out_dir: Path,
    stream: Stream,
    notes: Mapping[str, Any] | None = None,
    tick: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Compare agents on one batch and write ``out_dir``, unless it is there; returns the summary.

    agents: by number. slots: of their SAEs, all trained. batch: held-out quizzes in answer
    layouts, with task -1 where it is not known. known: those of which all is known that their
    generator knows. stream: for nulls and resamples. notes: what else the summary is to say. tick:
    called with (steps done, steps in all).
    """
    made_from = _made_from(slots, batch, config, stream)
    identity = {"schema": SCHEMA, "made_from": made_from}
    job = _Job(agents, slots, world, batch, known, dictionary, config, stream, tick)

    def make() -> None:
        figures = job.write_all(out_dir)
        files = {FILES: hashes_of(out_dir, TABLES)}
        write_json(out_dir / SUMMARY, {**figures, **(notes or {}), **identity, **files})

    return kept(out_dir / SUMMARY, identity, make, [out_dir / name for name in TABLES])


class _Job:
    """The steps of a comparison, on the same quizzes and with one count of what is done."""

    def __init__(
        self,
        agents: Mapping[int, AgentModel],
        slots: Sequence[SAESlot],
        world: World,
        batch: QuizBatch,
        known: QuizBatch,
        dictionary: DictionaryConfig,
        config: ComparisonConfig,
        stream: Stream,
        tick: Callable[[int, int], None] | None,
    ) -> None:
        self.agents, self.slots, self.world, self.batch = agents, slots, world, batch
        self.known = known[: config.concept_quizzes]
        self.dictionary, self.config, self.stream, self.tick = dictionary, config, stream, tick

    def write_all(self, out_dir: Path) -> dict[str, Any]:
        """Do all steps, write every table and return the figures."""
        refuse_blocked(out_dir)
        self.rows = token_rows(self.world, self.batch)
        self.dictionaries = AgentDictionaries(
            self.agents, self.slots, self.world, self.dictionary.site, self.batch
        )
        self._start_counting()
        seeds = sorted({slot.role for slot in self.slots if slot.role.isdigit()}, key=int)
        features = self._features(seeds)
        comparison = compare_features(features, self.rows, self.config, self.stream, self._step)
        baselines = {name: self._baseline(name) for name in self.config.baselines}
        geometry = self._geometry(comparison)
        meaning = self._meaning(comparison)
        first = {agent: of_agent[0] for agent, of_agent in features.items()}
        _clear(out_dir)
        table = match_table(comparison, geometry, first, self.dictionary)
        _write_tables(table, comparison, meaning, out_dir)
        self._write_examples(comparison, first, out_dir)
        saes = _sae_figures(self.slots, features)
        figures = summary(comparison, geometry, self.dictionary, self.config, saes)
        figures["baselines"] = {
            name: baseline_figures(universality, _baseline_quality(self.slots, name))
            for name, universality in baselines.items()
            if universality is not None
        }
        return {**figures, "meaning": meaning.figures()}

    def _start_counting(self) -> None:
        pairs = len(self.agents) * (len(self.agents) - 1) // 2
        compared = 1 + sum(map(self.dictionaries.available, self.config.baselines))
        self._done, self._steps = 0, (len(self.agents) + pairs) * compared + 2

    def _step(self) -> None:
        self._done += 1
        if self.tick:
            self.tick(self._done, self._steps)

    def _features(self, names: Sequence[str]) -> dict[int, list[Features]]:
        """By agent, what its dictionaries of some names make of the quizzes."""

        def of_agent(agent: int) -> list[Features]:
            codes = self.dictionaries.codes(agent, names, self.batch, self.rows)
            least = self.config.min_firings
            return [select_features(one, self.rows.evaluation, least) for one in codes]

        features, agents = {}, sorted(self.agents)
        jobs = [partial(of_agent, agent) for agent in agents]
        for agent, selected in zip(agents, side_by_side(jobs), strict=True):
            features[agent] = selected
            self._step()
        return features

    def _baseline(self, name: str) -> Universality | None:
        """How well a baseline's features match under the first null; None where there is none."""
        if not self.dictionaries.available(name):
            return None
        # One draw: a baseline's null is a median over features, and they may be dense, thus slow.
        config = replace(self.config, nulls=self.config.nulls[:1], permutations=1)
        features = self._features([name])
        (found,) = measure_universality(
            features, self.rows, config, self.stream, self._step
        ).values()
        return found

    def _geometry(self, comparison: Comparison) -> dict[tuple[int, int], Geometry]:
        """Where the decoders of matched features point, after agents are turned."""
        decoders = {agent: self.dictionaries.load(agent).W_dec for agent in self.agents}
        self._step()
        return decoder_geometry(
            self.dictionaries.activations, decoders, comparison.matches, self.rows
        )

    def _meaning(self, comparison: Comparison) -> Meaning:
        """What features and families are called, on quizzes whose truth is known."""
        self._step()
        return find_meaning(
            sorted(self.agents),
            self._known_codes,
            self.dictionary.name,
            self.config.baselines,
            comparison.families,
            self.world,
            self.known,
            self.stream,
        )

    def _known_codes(
        self, agent: int, dictionary: str, quizzes: QuizBatch
    ) -> sparse.csr_array | None:
        """What a dictionary makes of other quizzes than those compared on; None without it."""
        name = "0" if dictionary == self.dictionary.name else dictionary
        if not name.isdigit() and not self.dictionaries.available(name):
            return None
        rows = token_rows(self.world, quizzes)
        return self.dictionaries.codes(agent, [name], quizzes, rows)[0]

    def _write_examples(
        self, comparison: Comparison, features: Mapping[int, Features], out_dir: Path
    ) -> None:
        """What the features of each agent's first SAE respond to, and what they write towards."""
        logits: Logits = {
            number: logit_weights(agent, self.dictionary.site, self.dictionaries.load(number).W_dec)
            for number, agent in self.agents.items()
        }
        examples = find_examples(
            comparison.families, features, logits, self.world, self.batch, self.rows
        )
        write_parquet(out_dir / "quizzes.parquet", examples.quizzes)
        write_parquet(out_dir / "examples.parquet", examples.features)
        write_parquet(out_dir / "family_examples.parquet", examples.families)


def _made_from(
    slots: Sequence[SAESlot], batch: QuizBatch, config: ComparisonConfig, stream: Stream
) -> dict[str, Any]:
    """What a comparison's figures depend on, in plain types."""
    quizzes = hashlib.blake2b(digest_size=16)
    for array in (batch.tokens, batch.layout, batch.task):
        quizzes.update(array.tobytes())
    tree = {
        "method": METHOD,
        "saes": {f"{slot.agent}/{slot.role}": slot.record()["made_from"] for slot in slots},
        "quizzes": quizzes.hexdigest(),
        "seed": str(stream.seed()),
        **{
            option.name: to_tree(getattr(config, option.name))
            for option in fields(ComparisonConfig)
        },
    }
    return dict(plain(tree))


def _write_tables(
    matches: pd.DataFrame, comparison: Comparison, meaning: Meaning, out_dir: Path
) -> None:
    write_parquet(out_dir / "matches.parquet", matches)
    write_parquet(out_dir / "families.parquet", family_table(comparison.families, meaning.families))
    write_parquet(out_dir / "features.parquet", meaning.names)
    write_parquet(out_dir / "concepts.parquet", meaning.concepts)
    write_parquet(out_dir / "coverage.parquet", meaning.coverage)


def _clear(out_dir: Path) -> None:
    """Remove what there is of a former comparison, and all that was found out with it.

    The summary goes first: tables of two comparisons must never pass for one.
    """
    (out_dir / SUMMARY).unlink(missing_ok=True)
    for path in out_dir.glob("*"):
        if path.is_file():
            path.unlink()


def _sae_figures(
    slots: Sequence[SAESlot], features: Mapping[int, Sequence[Features]]
) -> list[dict[str, Any]]:
    """By agent and SAE: the figures it was graded with, and how many features are compared."""
    figures = []
    for slot in slots:
        if slot.role.isdigit():
            selected, record = features[slot.agent][int(slot.role)], slot.record()
            figures.append(
                {
                    "agent": slot.agent,
                    "sae": int(slot.role),
                    "features": selected.size,
                    "compared": selected.compared,
                    "silent": float((selected.firings == 0).mean()),
                    "seconds": record["seconds"],
                    **record["quality"],
                }
            )
    return sorted(figures, key=lambda row: (row["agent"], row["sae"]))


def _baseline_quality(slots: Sequence[SAESlot], name: str) -> list[dict[str, Any]]:
    """How the SAEs of a trained baseline were graded, by agent."""
    return [slot.record()["quality"] for slot in slots if slot.role == name]
