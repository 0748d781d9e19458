"""What agents' own quizzes do to their features: the steps of ``culture-sim culture-features``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agents.model import AgentModel
from culture_sim.culture.store import CultureStore
from culture_sim.features.comparisons import Compared
from culture_sim.features.on_culture.figures import figures_of, with_q
from culture_sim.features.on_culture.firings import FeatureFirings
from culture_sim.features.on_culture.groups import (
    AGENTS,
    AGENTS_KEPT,
    KEPT,
    WORLD,
    occurrences,
    placebo,
)
from culture_sim.features.on_culture.quizzes import (
    NOBODY,
    EvaluatedQuizzes,
    StoredQuizzes,
    evaluate,
    evaluate_kept,
    read_stored,
)
from culture_sim.features.stage import held_out_of
from culture_sim.run.reporting import Report
from sae.contrasts.families import family_deviations
from world import QuizBatch, Stream
from world.core.errors import UserError

Among = Mapping[str, Mapping[str, NDArray[np.bool_]]]
"""By origin, groups of its quizzes, by name: bool [Q]."""
Quizzes = TypeVar("Quizzes", QuizBatch, StoredQuizzes)


class CultureSteps:
    """The steps: ask, look at the features of what was asked, compare.

    report: says what is done. world_quizzes, solved, resamples, seed: as the options of the
    command.
    """

    def __init__(
        self,
        compared: Compared,
        store: CultureStore,
        report: Report,
        *,
        world_quizzes: int,
        solved: int,
        resamples: int,
        seed: int,
    ) -> None:
        self.compared, self.store, self.report = compared, store, report
        self.world_quizzes, self.solved, self.resamples = world_quizzes, solved, resamples
        self.world = compared.run.config.quiz_world
        self.stream = Stream(seed, "culture-features")

    def all(self) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
        """Every figure, and the tables by name."""
        stored = read_stored(self.store)
        untaught, kept = self._in_any_order(AGENTS, stored.untaught), stored.kept
        evaluated = {
            WORLD: self._evaluate(WORLD, self._in_any_order(WORLD, self._unseen())),
            AGENTS: self._evaluate(AGENTS, untaught.batch),
        }
        if len(kept):
            self.report("asking the agents quizzes that were kept")
            evaluated[KEPT] = evaluate_kept(self._models, self.world, kept)
        firings = {
            origin: FeatureFirings(self.compared, quizzes) for origin, quizzes in evaluated.items()
        }
        self.report("features that fire on one group of quizzes more than on another")
        among = {
            WORLD: {WORLD: np.ones(len(firings[WORLD]), dtype=np.bool_)},
            AGENTS: {
                AGENTS: np.ones(len(firings[AGENTS]), dtype=np.bool_),
                AGENTS_KEPT: untaught.keep[evaluated[AGENTS].index],
            },
        }
        rng = self.stream.with_role("halves").generator()
        occurs = occurrences(firings, self.compared.run.agents, kept.taught, rng)
        departures = self._departures(firings, among)
        figures = {
            "asked": self._counts(evaluated, untaught, kept),
            "quality": self._quality(firings),
            "dissent": self._contrasts(firings, among),
            **figures_of(occurs, departures),
        }
        return figures, {"occurrence": occurs, "departures": departures}

    @cached_property
    def _models(self) -> list[AgentModel]:
        return [self.compared.agents[n] for n in self.compared.run.agents]

    def _in_any_order(self, origin: str, quizzes: Quizzes) -> Quizzes:
        return quizzes[self.stream.with_role(origin).generator().permutation(len(quizzes))]

    def _evaluate(self, origin: str, quizzes: QuizBatch) -> EvaluatedQuizzes:
        self.report(f"asking the agents quizzes of the {origin}")
        run = self.compared.run
        # Not in the number format of votes: who fails is told by the pass that features come from.
        evaluated = evaluate(self._models, self.world, quizzes, self.solved)
        if (evaluated.dissenter == NOBODY).sum() < 2:
            raise UserError(
                f"of {len(quizzes)} quizzes of the {origin}, the agents of {run.path} solve "
                f"{(evaluated.failing == 0).sum()} all together: too few to compare features on"
            )
        return evaluated

    def _unseen(self) -> QuizBatch:
        """Others than those on which features were matched."""
        run = self.compared.run
        before = run.config.sae.comparison_quizzes
        quizzes = held_out_of(run, before + self.world_quizzes)[before:]
        return self.world.arrange(quizzes, self.world.directions[0])

    def _counts(
        self,
        evaluated: Mapping[str, EvaluatedQuizzes],
        untaught: StoredQuizzes,
        kept: StoredQuizzes,
    ) -> dict[str, dict[str, Any]]:
        counts: dict[str, dict[str, Any]] = {}
        for origin, quizzes in evaluated.items():
            counts[origin] = quizzes.counts(np.ones(len(quizzes.failing), dtype=np.bool_))
            if origin != KEPT:
                by_agent = [int((quizzes.dissenter == n).sum()) for n in self.compared.run.agents]
                counts[origin]["dissenters"] = by_agent
        counts[AGENTS]["by_reason"] = {
            str(reason): evaluated[AGENTS].counts(untaught.reason == reason)
            for reason in np.unique(untaught.reason)
        }
        if KEPT in counts:
            counts[KEPT]["taught"] = int(kept.taught.sum())
        return counts

    def _quality(self, firings: Mapping[str, FeatureFirings]) -> list[dict[str, Any]]:
        graded = []
        for origin, features in firings.items():
            self.report(f"grading SAEs on quizzes of the {origin}")
            graded += [
                {"origin": origin, "agent": n, **quality} for n, quality in features.quality()
            ]
        return graded

    def _contrasts(
        self, firings: Mapping[str, FeatureFirings], among: Among
    ) -> list[dict[str, Any]]:
        contrasts = []
        for origin, groups in among.items():
            self.report(f"dissenters on quizzes of the {origin}")
            rngs = {name: self.stream.with_role(f"dissent-{name}").generator() for name in groups}
            results = firings[origin].contrasts(groups, rngs, self.resamples)
            for region, measure, name, result in results:
                key = {"origin": name, "region": region, "measure": measure}
                contrasts.append({**key, **({} if result is None else asdict(result))})
        return contrasts

    def _departures(self, firings: Mapping[str, FeatureFirings], among: Among) -> pd.DataFrame:
        """Of every group of quizzes, and with its dissenters dealt out to others."""
        names = self.compared.table("families")["name"].to_numpy()
        tables = []
        for origin, groups in among.items():
            here = firings[origin]
            for name, group in groups.items():
                failed = np.where(group, here.dissenter, NOBODY)
                rng = self.stream.with_role(f"placebo-{name}").generator()
                dealt = placebo(failed, ~here.alone, here.stratum, rng)
                for called, dissenter in ((name, failed), (f"placebo_{name}", dealt)):
                    table = family_deviations(
                        self.compared.members,
                        here.shares,
                        dissenter,
                        ~here.alone & (dissenter == NOBODY),
                        here.stratum,
                    )
                    tables.append(table.assign(origin=called, name=names))
        return with_q(pd.concat(tables, ignore_index=True), "origin")
