"""What features of a run's agents do: the steps of ``culture-sim effects``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from culture_sim.features.comparisons import Compared
from culture_sim.run.reporting import Report
from sae.activations.harvest import TokenRows, token_rows
from sae.artifacts import digest
from sae.effects.components import component_effects
from sae.effects.families import family_counts, family_effects
from sae.effects.fingerprints import AgentEffects, agreement_summary, fingerprint_agreement
from sae.effects.matched import Matched, family_pairs, firing_profiles
from sae.effects.quizzes import split_quizzes
from sae.effects.scaling import Effects, effect_table, fingerprint_table, scale_features
from sae.effects.spliced_agent import SplicedAgent, splice_sae
from sae.effects.substitution import Interchange, substitution_summary, substitution_table
from sae.files import read_arrays, read_parquet, write_arrays, write_parquet
from world import QuizBatch, Stream
from world.core.errors import UserError

ABLATE, AMPLIFY = 0.0, 2.0
"""Factors on a feature's activation."""
METHOD = 1
"""To be raised with every change of the code by which a step finds other results than before: what
was found otherwise is then found again."""
SCALED = ("feature", "loss", "exact", "fires")
"""Arrays that are kept of scaling features."""
AGAIN = "remove it and run effects again"
"""What to do about a damaged file."""


class EffectSteps:
    """The steps; what takes long is left in a folder of its own, made here, and not done twice.

    report: says what is done. quizzes, families, resamples, seed: as the options of the command.
    """

    def __init__(
        self,
        compared: Compared,
        report: Report,
        *,
        quizzes: int,
        families: int,
        resamples: int,
        seed: int,
    ) -> None:
        self.compared, self.report = compared, report
        self.families, self.resamples, self.seed = families, resamples, seed
        self.world = compared.run.config.world
        self.folder = compared.folder / "effects"
        self.folder.mkdir(exist_ok=True)
        self.batch: QuizBatch = compared.quizzes[:quizzes]
        self.quizzes = quizzes
        self.rows: TokenRows = token_rows(self.world, self.batch)
        self.stream = Stream(seed, "effects")

    def all(self) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
        """The figures of all, and every table by name."""
        count = self.resamples
        components = self._components()
        agents = {number: self._agent(number) for number in self.compared.agents}
        effects, fingerprints = self._scalings(agents)
        pairs = self._pairs()
        agreement = fingerprint_agreement(agents, pairs)
        replaced = self._substitution(pairs)
        ablated = {number: of_agent.evaluation for number, of_agent in agents.items()}
        families = family_effects(self.compared.members, ablated, self.stream, count)
        figures = {
            "features": _counts(effects, agents),
            "family_effects": family_counts(families),
            "fingerprints": _records(agreement_summary(agreement, self.stream, count)),
            "substitution": _records(substitution_summary(replaced, self.stream, count)),
        }
        return figures, {
            "components": components,
            "effects": effects,
            "fingerprints": fingerprints,
            "agreement": agreement,
            "substitution": replaced,
            "family_effects": families,
        }

    @cached_property
    def spliced(self) -> dict[int, SplicedAgent]:
        """The agents with their SAEs on the quizzes; each answers them once."""
        site, saes = self.compared.dictionary.site, self.compared.saes
        return {
            n: splice_sae(agent, self.world, self.batch, self.rows, site, saes[n])
            for n, agent in self.compared.agents.items()
        }

    def _components(self) -> pd.DataFrame:
        tick = partial(self._progress, "layers")
        agents = self.compared.agents
        return self._table(
            "components",
            lambda: component_effects(agents, self.world, self.batch, self.rows, tick),
        )

    def _table(
        self, what: str, make: Callable[[], pd.DataFrame], matched: bool = False
    ) -> pd.DataFrame:
        """The table of a step, read back if it was made before."""
        path = self.folder / self._name(what, "parquet", matched)
        with suppress(UserError):
            return read_parquet(path, AGAIN)
        # Not there, or damaged.
        write_parquet(path, make())
        return read_parquet(path, AGAIN)

    def _agent(self, number: int) -> AgentEffects:
        profiles = firing_profiles(self.spliced[number], self.world, self.batch)
        selection = self._scaled(number, ABLATE, evaluation=False)
        return AgentEffects(selection, self._scaled(number, ABLATE, evaluation=True), profiles)

    def _scaled(self, number: int, factor: float, evaluation: bool) -> Effects:
        """What scaling each feature of an agent does, read back if it was found before."""
        split = "evaluation" if evaluation else "selection"
        path = self.folder / self._name(f"agent-{number}-{factor:g}-{split}", "npz")
        try:
            stored = read_arrays(path, SCALED, AGAIN)
        except UserError:  # it is not there, or damaged
            what = f"agent {number}, features times {factor:g}, {split} split"
            tick = partial(self._progress, what)
            scaled = scale_features(
                self.spliced[number], self.world, self.batch, factor, None, evaluation, tick
            )
            stored = {
                "feature": scaled.feature,
                "loss": scaled.loss_change,
                "exact": scaled.exact_change,
                "fires": scaled.fires,
            }
            write_arrays(path, **stored)
        quizzes = split_quizzes(self.world, self.batch, self.rows, evaluation)
        arrays = (stored[name] for name in ("loss", "exact", "fires"))
        return Effects(stored["feature"], factor, quizzes, *arrays)

    def _scalings(self, agents: Mapping[int, AgentEffects]) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Effects and fingerprints as tables."""
        both = {
            number: [of_agent.evaluation, self._scaled(number, AMPLIFY, evaluation=True)]
            for number, of_agent in agents.items()
        }
        return effect_table(both, self.world, self.stream), fingerprint_table(both, self.world)

    def _pairs(self) -> list[Matched]:
        """All ordered pairs of members of families, with the second-best match of each."""
        matches = self.compared.table("matches")
        seconds: dict[tuple[int, int], NDArray[np.int64]] = {
            (int(a), int(b)): rows.sort_values("feature_a").second_b.fillna(-1).to_numpy(np.int64)
            for (a, b), rows in matches.groupby(["agent_a", "agent_b"])
        }
        return family_pairs(self.compared.members, seconds)

    def _substitution(self, pairs: Sequence[Matched]) -> pd.DataFrame:
        def make() -> pd.DataFrame:
            groups = sorted({pair.group for pair in pairs})
            rng = self.stream.with_role("families").generator()
            drawn = set(rng.permutation(groups)[: self.families].tolist())
            of_drawn = [pair for pair in pairs if pair.group in drawn]
            interchange = Interchange(self.spliced, self.world, self.batch)
            tick = partial(self._progress, "features put in another's place")
            return substitution_table(interchange, of_drawn, self.stream, tick=tick)

        return self._table(f"substitution-{self.families}", make, matched=True)

    def _name(self, what: str, ending: str, matched: bool = False) -> str:
        """The file of a step: of these agents, SAEs, quizzes and METHOD, and no others.

        matched: also of what the comparison found to match, and of the seed.
        """
        made = self.compared.summary["made_from"]
        saes = {name: of for name, of in made["saes"].items() if name.endswith("/0")}
        parts: list[Any] = [METHOD, saes, made["quizzes"], self.quizzes]
        if matched:
            parts += [made, self.seed]
        return f"{what}-{digest(parts, size=5)}.{ending}"

    def _progress(self, what: str, done: int, total: int) -> None:
        self.report(f"{what}: {done:,} of {total:,}")


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]


def _counts(table: pd.DataFrame, agents: Mapping[int, AgentEffects]) -> list[dict[str, Any]]:
    """By agent and factor: how many features change answers."""
    counts = []
    every = table[table.task == "all"]
    for (number, factor), rows in every.groupby(["agent", "factor"]):
        ablated = factor == ABLATE
        counts.append(
            {
                "agent": int(number),
                "factor": float(factor),
                "features": len(rows),
                "changes_an_answer": int(((rows.lost > 0) | (rows.gained > 0)).sum()),
                "lowers_accuracy": int((rows.accuracy_high < 0).sum()),
                "raises_accuracy": int((rows.accuracy_low > 0).sum()),
                "consequential": int(agents[int(number)].selection.consequential().sum())
                if ablated
                else None,
                "median_loss_change": float(rows.loss_change.median()),
                "greatest_loss_change": float(rows.loss_change.max()),
            }
        )
    return counts
